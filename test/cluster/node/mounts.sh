#!/bin/sh
# Runs as the first process in the namespaces of a node and then becomes node-init.
# Arguments: the node's directory, and that of the Kubernetes programs, that of node-init.
#
# The node sees the machine's own files with directories of its own in those places where its
# programs write, so that they keep their usual paths and leave nothing on the machine. All
# mounts here, and those that the programs will make, vanish with the last process of the node.
set -eu
node=$1 programs=$2 init=$3

mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/node /run/programs /run/init
# First of all: the directories may lie below one that is hidden next.
mount --bind "$node" /run/node
mount --bind "$programs" /run/programs
mount --bind "$init" /run/init
for directory in /tmp /var/lib /var/log; do
  mkdir -p "/run/node$directory"
  mount --bind "/run/node$directory" "$directory"
done
chmod 1777 /tmp
mkdir /tmp/hostpath_pv

# The kubelet insists on these values and would change them for the whole machine. It
# reads them here and finds nothing to change.
mkdir /run/kernel
while read -r file value; do
  echo "$value" >"/run/kernel/${file##*/}"
  mount --bind "/run/kernel/${file##*/}" "/proc/sys/$file"
done <<VALUES
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
VALUES

hostname local-node
echo ready >/run/node/mounted
exec /run/init/node-init /tmp/hostpath_pv
