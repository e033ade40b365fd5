// One static binary that is every Kubernetes program the tests need, chosen by
// the name it is called by or by its first argument. Machines that reach only
// package registries cannot download Kubernetes' own binaries, but can compile
// its published modules.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// Register the version and client-go metrics as the published binaries do.
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	if !known(name) && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = filepath.Base(os.Args[0])
	}
	switch {
	case name == "etcd":
		etcdmain.Main(os.Args)
	case name == "kubelet":
		os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
	case known(name):
		os.Exit(cli.Run(components[name]()))
	default:
		fmt.Fprintf(os.Stderr, "unknown program %q: want etcd, kubelet, or one of the kube-* programs or kubectl\n", name)
		os.Exit(2)
	}
}

func known(name string) bool {
	_, ok := components[name]
	return ok || name == "etcd" || name == "kubelet"
}
