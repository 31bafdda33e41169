#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that misbehave, each in one way (vof-bad-target --help has the list):
# the error is the right one and says what was wrong, nothing hangs, and a good
# target is of use afterwards.
# transports: rdma tcp
# timeout: 400
# kernels: 6.1 6.12 debug
# idle: yes
# ci: 6.12 6.12-tcp
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib/bad.sh"

start_target --blk tvqn=good,mem=16M

# Silence costs the whole of the control timeout: all of them at once.
names=(connect device-id get-vq-size vq-connect driver-ok get-id)
over tcp || names+=(eager)
targets=()
for s in "${names[@]}"; do
	bad_target "silent-at=$s" "$s"
	targets+=("$TARGET")
done
start=$(milliseconds)
for s in "${names[@]}"; do
	vof_set "$s" enable 1 >"$VOF_TMP/silent-$s" &
done
# shellcheck disable=SC2046,SC2154 # one word per job; lib.sh has vof_targets
wait $(jobs -p | grep -vxF "$(printf '%s\n' "${vof_targets[@]}")")
took=$((($(milliseconds) - start) / 1000))
# shellcheck disable=SC2154 # lib.sh has slower
check "silence: given up within $((25 * slower)) s ($took s)" [ $took -lt $((25 * slower)) ]
for s in "${names[@]}"; do
	is "silent-at=$s: enable fails with ETIMEDOUT" \
		"$(cat "$VOF_TMP/silent-$s")" ETIMEDOUT
	like "silent-at=$s: last_error says why" "$(vof_get "$s" last_error)" \
		"not answered in time"
	bad_end "silent-at=$s" "$s" "${targets[0]}"
	targets=("${targets[@]:1}")
done
good_again "silence"

closed="the target $(vof_closed)"
# A stream has no feature to set.
keyed=
if over rdma; then
	keyed="set-feature num-descs eager"
	enable_fails close-at=accept ECONNREFUSED "refuses the connection"
	enable_fails close-at=vq-accept ECONNREFUSED "refuses the connection"
else
	enable_fails close-at=accept ECONNRESET "control queue: $closed"
	enable_fails close-at=vq-accept ECONNRESET "virtqueue 0: $closed"
fi
for s in connect connected get-feature $keyed device-id vendor-id \
	device-feature reset set-status driver-feature get-status get-config \
	get-vq-size driver-ok; do
	enable_fails "close-at=$s" ECONNRESET "control queue: $closed"
done
enable_fails close-at=vq-connect ECONNRESET "virtqueue 0: $closed"

enable_fails device-id=0 ENODEV "device id 0"
enable_fails no-version-1 EPROTO "VERSION_1"
enable_fails features-ok=no EOPNOTSUPP "features"
enable_fails vq-size=0 ENOENT "no virtqueue 0"
enable_fails instance=0xffff EPROTO "bad device instance id 0xffff"
enable_fails instance=other EPROTO "bad device instance id 0x0006"
enable_fails unknown-id=control EPROTO "control queue: .*not in flight"
# Which of the two is noticed depends on how soon the next command is sent.
enable_fails twice=control EPROTO "not in flight|0 keyed descriptors"
enable_fails garbage=control EPROTO "Get Feature: unknown status .*0xbeef"
if over rdma; then
	enable_fails short=control EPROTO "control queue: .*message that is too short"
	enable_fails long=control EPROTO "control queue: .*message that is too long"
	enable_fails num-descs=0 EPROTO "0 keyed descriptors"
	enable_fails eager=empty EPROTO "eager buffers of virtqueue 0 make no sense"
	enable_fails eager=wrap EPROTO "eager buffers of virtqueue 0 make no sense"
	enable_fails eager=huge EPROTO "eager buffers of virtqueue 0 make no sense"
	enable_fails eager=many EPROTO "65 eager buffers where 64 were asked for"
	# The adapter's refusal, or the target's end because of it: whichever is heard first.
	bad_target eager=key
	like "eager=key: enable fails" "$(vof_set b enable 1)" "EIO|ECONNRESET"
	like "eager=key: last_error says why" "$(vof_get b last_error)" \
		"virtqueue 0: (.*access|$closed)"
	bad_end eager=key
else
	# What is too long is the beginning of another answer.
	enable_fails long=control EPROTO "control queue: .*not in flight"
	enable_fails half=control ECONNRESET "control queue: $closed"
	enable_fails http=control EPROTO "control queue: .*not in flight"
fi
good_again "bad answers"

# Refused, also where no driver would be asked whether it minds.
for s in reset set-status driver-ok get-status get-config vq-connect; do
	enable_fails refuse-at=$s EPROTO "unknown status \(status 0x7bcd\)"
done

for s in vq-size=3 vq-size=65535 flood=keepalive; do
	fine $s
	bad_end $s
done
fine status=extra
bad_end status=extra
io_error refuse "virtqueue 0: device-readable buffers refused"
io_error length=0 "answer without a status, or incomplete, on virtqueue 0"
io_error garbage=vq "virtqueue 0: unknown status"
good_again "errors"

breaks unknown-id=vq "virtqueue 0: .*not in flight"
breaks twice=vq "virtqueue 0: .*not in flight"
breaks length=over "virtqueue 0: .*longer than its buffers"
breaks length=error "virtqueue 0: .*error completion with a length"
breaks length=two "virtqueue 0: .*two lengths"
breaks close-at=request "virtqueue 0: $closed"
breaks flood=config "control queue: another change of the configuration was announced"
breaks flood=more "control queue: the target does not stop to speak unasked"
if over rdma; then
	breaks short=vq "virtqueue 0: .*message that is too short"
	breaks long=vq "virtqueue 0: .*message that is too long"
	breaks write=key "virtqueue 0: "
else
	breaks half=vq "virtqueue 0: $closed"
	breaks half=data "virtqueue 0: $closed"
	breaks http=vq "virtqueue 0: .*not in flight"
	breaks endless "control queue: .*not in flight"
fi
good_again "failures"

# Keys do not outlive the request that they were given for.
write_late()
{
	live write=late
	check "write=late: the read" timeout 20 dd if="$DISK" of=/dev/null bs=64k \
		count=1 skip=64 iflag=direct
	check "write=late: the device fails" vof_wait_state b failed 15
	like "write=late: the adapter let nothing through" "$(cat "$TARGET_LOG")" \
		"remote access error"
	bad_end write=late
}
! over rdma || write_late

# However answers are cut or joined, and whatever comes before it is expected.
streams()
{
	local s
	for s in cut=bytes cut=moving glued; do
		fine $s
		check "$s: many at a time" vof_fio filename="$DISK" rw=randrw bsrange=512-16k \
			size=4m io_size=1m iodepth=16 iodepth_batch_submit=8 verify=crc32c
		check "$s: reads of 512 bytes" vof_fio filename="$DISK" rw=randread bs=512 \
			size=4m io_size=64k iodepth=16
		is "$s: the link was not replaced" "$(vof_get b reconnects)" 0
		bad_end $s
	done
	# The answer to a write that is still being sent: refused, for which nothing else has
	# to suffer, or done, which is not true.
	for s in early=refuse early=success early=close; do
		live $s
		timeout 60 dd if=/dev/urandom of="$DISK" bs=1M count=1 seek=4 oflag=direct \
			2>"$VOF_TMP/dd"
		note "$s: $(tail -n 1 "$VOF_TMP/dd"), $(vof_get b state), $(vof_get b last_error)"
		[ $s = early=success ] ||
			like "$s: the write fails" "$(cat "$VOF_TMP/dd")" "Input/output error"
		[ $s != early=refuse ] || check "$s: another write" timeout 20 \
			dd if=/dev/zero of="$DISK" bs=1M count=1 oflag=direct
		[ $s != early=refuse ] || is "$s: state" "$(vof_get b state)" live
		bad_end $s
	done
	good_again "streams"
}
! over tcp || streams

# An idle device asks for nothing else.
live refuse-at=keepalive
check "refuse-at=keepalive: the device fails" vof_wait_state b failed 15
like "refuse-at=keepalive: last_error" "$(vof_get b last_error)" \
	"control queue: Keepalive was refused: unknown status .status 0x7bcd"
bad_end refuse-at=keepalive

# What is refused on the way out is said, and holds up nothing.
for s in vq-disconnect disconnect; do
	live refuse-at=$s
	within 5 "refuse-at=$s: disable" vof_set b enable 0
	like "refuse-at=$s: last_error" "$(vof_get b last_error)" \
		"Disconnect was refused: unknown status .status 0x7bcd"
	bad_end refuse-at=$s
done

# A target that is alive, but keeps a request, or the answer to a Disconnect.
live silent-at=request
dd if="$DISK" of=/dev/null bs=4k count=1 skip=1024 iflag=direct 2>/dev/null &
reader=$!
sleep 1
comes_back "silent-at=request: is taken down" vof_disconnect b
wait $reader
is "silent-at=request: the read fails" $? 1
kill_target

# The same on a link that is alive: io_tmo decides. Keepalives are answered all the time.
overdue()
{
	live "$1"
	vof_set b ctrl_loss_tmo 60
	vof_set b io_tmo -1
	dd if="$DISK" of=/dev/null bs=4k count="$2" skip=1024 iflag=direct \
		2>"$VOF_TMP/dd" &
	reader=$!
	sleep 8
	check "$1: a read waits" kill -0 $reader
	is "$1: without a limit the link stays" "$(vof_get b reconnects)" 0
	vof_set b io_tmo 2
	wait $reader
	is "$1: with a limit the read ends well" $? 0
	like "$1: last_error says why" "$(vof_get b last_error)" \
		"virtqueue 0: no answer to a request for as long as io_tmo allows"
	check "$1: the link was replaced" [ "$(vof_get b reconnects)" -gt 0 ]
	bad_end "$1"
}
overdue silent=once 1
# More than receives are left: the sends are refused, and tried again, for ever.
overdue starve 300

# A target that never answers comes to its end, although its links hold for long.
live silent-at=request
vof_set b io_tmo 11
vof_set b ctrl_loss_tmo 15
check_not "silent-at=request: the read fails in the end" timeout 100 dd if="$DISK" \
	of=/dev/null bs=4k count=1 skip=1024 iflag=direct
is "silent-at=request: state" "$(vof_get b state)" failed
bad_end silent-at=request

for s in vq-disconnect disconnect; do
	live silent-at=$s
	comes_back "silent-at=$s: is taken down" vof_disconnect b
	kill_target
done

# One that is never late, and always nearly so.
live slow=end
within 5 "slow=end: disable" vof_set b enable 0
bad_end slow=end
good_again "all that"
finish
