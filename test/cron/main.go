// Tells when Kubernetes' CronJobs fire: each line of standard input is the JSON
// of {cron, timeZone, after} (RFC 3339); each line of output the next time, or "never".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var question struct {
			Cron, TimeZone string
			After          time.Time
		}
		if err := json.Unmarshal(lines.Bytes(), &question); err != nil {
			fail(err)
		}
		schedule, err := cron.ParseStandard("TZ=" + question.TimeZone + " " + question.Cron)
		if err != nil {
			fail(err)
		}
		next := schedule.Next(question.After)
		if next.IsZero() {
			fmt.Println("never")
		} else {
			fmt.Println(next.UTC().Format(time.RFC3339))
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
