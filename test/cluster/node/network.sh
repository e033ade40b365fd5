#!/bin/sh
# Links the node's network namespace to this machine. It has no default route, so
# that neither the node nor its pods reach anything but this machine and each other.
# Arguments: a process id in the node, the link's name here, this machine's and the
# node's address on it, the range of the pods, the name of the pods' bridge.
set -eu
pid=$1 link=$2 host_address=$3 node_address=$4 pods=$5

ip link add "$link" type veth peer name eth0 netns "$pid"
ip address add "$host_address/30" dev "$link"
ip link set "$link" up
ip route add "$pods" via "$node_address" dev "$link" onlink

nsenter --target "$pid" --net sh -eu -c '
  ip link set lo up
  ip address add "$1/30" dev eth0
  ip link set eth0 up
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Packets between two pods cross the bridge only; without this kube-proxy never sees the replies.
  if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
    echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
  fi
' network "$node_address"
