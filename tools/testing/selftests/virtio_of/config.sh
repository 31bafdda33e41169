#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target's configuration file: sections without keys, keys without values,
# indentation, long names; and errors that tell the line.
# kernels: 6.1 6.12 debug
# ci: 6.12
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
	if out=$(timeout 20 virtio-of-target --listen "$(vof_url "$VOF_ADDR")" \
		--config "$VOF_TMP/bad.conf" 2>&1); then
		not_ok "$words: is refused"
	else
		like "$words" "$out" "bad.conf:$#: .*$words"
	fi
}

# target_traced WORDS: it sends them to its service manager, by and by.
target_traced()
{
	local i
	for ((i = 0; i < 200; i++)); do
		! grep -qE "$1" "$VOF_TMP/trace" || return 0
		sleep 0.1
	done
	return 1
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

vof_disconnect d0
stop_target

# As a service: by another user, who is told how it is, and how much a line matters.
echo 'nobody:x:65534:65534::/:/bin/false' >>/etc/passwd
printf '%s\n' '[target]' 'user = nobody' '[listen]' "url = rdma://$VOF_ADDR" \
	'[blk one]' 'mem = 16M' >"$file"
# shellcheck disable=SC2154 # vof_logs is of lib.sh
log=$VOF_TMP/target-$((vof_logs + 1)).log
: >"$log"
export NOTIFY_SOCKET=$VOF_TMP/notify JOURNAL_STREAM
JOURNAL_STREAM=$(stat -c %d:%i "$log")
ulimit -l unlimited
vof_listen strace -D -o "$VOF_TMP/trace" -s 200 -e trace=sendmsg virtio-of-target --config "$file"
unset NOTIFY_SOCKET JOURNAL_STREAM
status() { sed -n "s/^$1:[ \t]*//p" "/proc/$TARGET/status"; }
like "it is nobody" "$(status Uid)" '^65534.65534.65534.65534$'
is "who may do nothing" "$(status CapPrm) $(status CapEff) $(status NoNewPrivs)" \
	"0000000000000000 0000000000000000 1"
check_not "its memory stays" [ "$(status VmLck)" = "0 kB" ]
check "and serves" vof_connect d0 tvqn=one
check "it says so" target_traced 'READY=1.nSTATUS=Serving 1 of 1 devices'
printf '%s\n' '[blk two]' 'mem = 16M' >>"$file"
kill -HUP "$TARGET"
check "a reload is told" target_traced 'RELOADING=1.nMONOTONIC_USEC='
check "and its end" target_traced 'READY=1.nSTATUS=Serving 2 of 2 devices'
check "what is new is served" vof_connect d1 tvqn=two
vof_disconnect d0
vof_disconnect d1
stop_target
is "the end" $? 0
check "is told, too" target_traced 'STOPPING=1'
check "lines have a priority" grep -q '^<6>the configuration' "$log"
check_not "and no name before the journal's" grep -q '^<.>virtio-of-target' "$log"

# What is added by others, and what is wrong with it.
printf '%s\n' '[listen]' "url = rdma://$VOF_ADDR" '[blk one]' 'mem = 16M' >"$file"
mkdir "$file.d"
printf '%s\n' '[blk two]' 'mem = 16M' >"$file.d/10.conf"
check "nothing is wrong" virtio-of-target --check --config "$file"
printf '%s\n' '[blk one]' 'mem = 16M' >"$file.d/20.conf"
like "one name in two files" "$(virtio-of-target --check --config "$file" 2>&1)" \
	'target.conf.d/20.conf:1: one is given twice, first at .*target.conf:3$'
printf '%s\n' '[target]' 'user = nosuchuser' >"$file.d/20.conf"
like "no such user" "$(virtio-of-target --check --config "$file" 2>&1)" \
	'target.conf.d/20.conf:2: user=nosuchuser: no such user$'
printf '%s\n' '[blk three]' 'mem = 16M' 'allow nobody' >"$file.d/20.conf"
start_target --config "$file" --tolerant
check "what is wrong is left out, and said" target_says '20.conf:3: neither .*' 0
is "and not served" "$(vof_connect d0 tvqn=three)" ENOENT
vof_disconnect d0
check "both other files are served" vof_connect d0 tvqn=two
vof_disconnect d0
stop_target

refused "no such section" '[rng a]' '[foo b]'
refused "']' is missing" '[rng a'
refused "belongs to no section" 'mem=16M'
refused "neither a section nor key" '[blk a]' 'mem'
refused "url only" '[listen]' 'port=1'
refused "does not know" '[target]' 'mem=16M'
finish
