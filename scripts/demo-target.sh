#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The target's side of scripts/demo: serve the image, which is this guest's
# /dev/vda, until the initiator is done.

set -eu

modprobe virtio_blk
log=/tmp/target.log
set -x
virtio-of-target --listen "$VOF_TRANSPORT://$VOF_ADDR" \
	--blk tvqn=demo,file=/dev/vda,serial=vof-demo >$log 2>&1 &
{ set +x; } 2>/dev/null
target=$!
for _ in {1..100}; do
	grep -qi listening $log && break
	kill -0 $target 2>/dev/null || break
	sleep 0.1
done
cat $log
grep -qi listening $log || { echo "the target does not listen"; exit 1; }

barrier listening
barrier disconnected
kill -TERM $target
wait $target || { echo "the target ended with status $?"; cat $log; exit 1; }
echo "the target has ended with status 0"
