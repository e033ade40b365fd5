// The first process of the node's process namespace, and the pause container of
// every pod. As the first process it inherits orphans and must take their exit
// status, or they stay as zombies; it ends when it is asked to.
//
// Arguments are directories: whatever is made in them is opened to every user.
// Kubernetes' host path provisioner makes a volume for root alone, and fsGroup is
// not applied to host paths, so a pod that does not run as root could not write.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	for _, directory := range os.Args[1:] {
		if err := keepOpen(directory); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// Several children may have ended for one signal.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
	}
}

func keepOpen(directory string) error {
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w", directory, err)
	}
	if _, err := syscall.InotifyAddWatch(watch, directory, syscall.IN_CREATE); err != nil {
		return fmt.Errorf("cannot watch %s: %w", directory, err)
	}
	go func() {
		events := make([]byte, 64*1024)
		for {
			entries, _ := filepath.Glob(filepath.Join(directory, "*"))
			for _, entry := range entries {
				if info, err := os.Stat(entry); err == nil && info.Mode().Perm() != 0o777 {
					_ = os.Chmod(entry, 0o777)
				}
			}
			if _, err := syscall.Read(watch, events); err != nil && err != syscall.EINTR {
				return
			}
		}
	}()
	return nil
}
