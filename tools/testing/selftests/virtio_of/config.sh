#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target's configuration file: sections without keys, keys without values,
# indentation, long names; and errors that tell the line.
# kernels: 6.1 6.12 debug
. "$(dirname "$0")/lib.sh"

longest=$(printf '%0250d' 0)
long=a-name-that-is-longer-than-what-libinih-keeps-of-a-section-0123456789
file=$VOF_TMP/target.conf

# refused WORDS LINE...: a file that the target does not start with.
refused()
{
	local words=$1 out
	shift
	printf '%s\n' "$@" >"$VOF_TMP/bad.conf"
	if out=$(timeout 20 virtio-of-target --listen "rdma://$VOF_ADDR" \
		--config "$VOF_TMP/bad.conf" 2>&1); then
		not_ok "$words: is refused"
	else
		like "$words" "$out" "bad.conf:$#: .*$words"
	fi
}

cat >"$file" <<END
; comment
[target]
max-connections = 100
[listen]
	url = rdma://$VOF_ADDR
[rng empty]
[blk locked]
mem = 16M
  readonly  ; nobody writes here
[blk open]
	mem=16M
	readonly=no
	serial=0001
[rng $long]
; a comment that is longer than what libinih takes for a line $longest
[rng $longest]
[blk allowed]
mem=16M
	allow = $longest  ; nobody but
END
start_target --config "$file"
for t in empty "$long" "$longest"; do
	check "a section without keys is a device: $t" vof_connect d0 "tvqn=$t"
	like "it is one of the right kind" \
		"$(cat "/sys/bus/virtio/devices/$(vof_get d0 device)/device")" \
		'^0x0004$'
	vof_disconnect d0
done
check "a key without a value" vof_connect d0 tvqn=locked
is "readonly means yes" "$(blockdev --getro "$(vof_disk d0)")" 1
vof_disconnect d0
check "indented keys" vof_connect d0 tvqn=open
disk=$(vof_disk d0)
is "readonly=no" "$(blockdev --getro "$disk")" 0
is "serial" "$(cat "/sys/block/${disk#/dev/}/serial")" 0001
vof_disconnect d0
check "a long value" vof_connect d0 tvqn=allowed "ivqn=$longest"
vof_disconnect d0
is "is the whole of it" "$(vof_connect d0 tvqn=allowed "ivqn=${longest%?}")" EACCES

refused "no such section" '[rng a]' '[foo b]'
refused "']' is missing" '[rng a'
refused "belongs to no section" 'mem=16M'
refused "neither a section nor key" '[blk a]' 'mem'
refused "url only" '[listen]' 'port=1'
refused "does not know" '[target]' 'mem=16M'
finish
