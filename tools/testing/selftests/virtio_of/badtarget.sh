#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that misbehave, each in one way (vof-bad-target --help has the list):
# the error is the right one and says what was wrong, nothing hangs, and a good
# target is of use afterwards.
# timeout: 400
# kernels: 6.1 6.12 debug
. "$(dirname "$0")/lib.sh"

port=7000
fails=0

# bad_target BEHAVIOUR: start one on a port of its own, and make device b for it.
bad_target()
{
	port=$((port + 1))
	start_bad_target "$1" "$port"
	# A second chance for such a target is what hostile.sh is about.
	vof_make "${2:-b}" "trsvcid=$port" "tvqn=bad-${2:-b}" ctrl_loss_tmo=0 ||
		not_ok "$1: can be configured"
}

# The device goes, and so does the target.
bad_end()
{
	within 30 "$1: is taken down" vof_disconnect "${2:-b}"
	# Not by check: only this shell can wait for it.
	stop_target "${3:-$TARGET}" || not_ok "$1: the target ends well (got $?)"
}

# A good target, after all that.
good_again()
{
	check "a good target after $1" vof_connect good tvqn=good
	check "reads from it" read_at "$(vof_disk good)" 4194304
	vof_disconnect good
}

# comes_back DESCRIPTION COMMAND...: within 30 s. Otherwise the target is killed,
# which should make it.
comes_back()
{
	local what=$1 pid i
	shift
	"$@" >"$VOF_TMP/back" 2>&1 &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 $pid 2>/dev/null; then
		not_ok "$what"
		kill_target
	else
		ok "$what"
	fi
	wait $pid
}

# Requests at TRIGGER of vof-bad-target are those that go wrong.
read_at()
{
	timeout 20 dd if="$1" of=/dev/null bs=4k count=1 skip=$(($2 / 4096)) \
		iflag=direct 2>"$VOF_TMP/dd"
}

# enable_fails BEHAVIOUR ERRNO WORDS
enable_fails()
{
	local got
	bad_target "$1"
	got=$(vof_set b enable 1)
	is "$1: enable fails with $2" "$got" "$2"
	like "$1: last_error says why" "$(vof_get b last_error)" "$3"
	[ "$(vof_get b state)" = disabled ] ||
		not_ok "$1: state is $(vof_get b state)"
	bad_end "$1"
	fails=$((fails + 1))
	[ $((fails % 8)) != 0 ] || good_again "$1"
}

# live BEHAVIOUR: enable succeeds; leaves the disk in DISK.
live()
{
	local got
	bad_target "$1"
	got=$(vof_set b enable 1)
	is "$1: is enabled" "$got" ""
	is "$1: state" "$(vof_get b state)" live
	DISK=$(vof_disk b)
}

# breaks BEHAVIOUR WORDS: the device fails when a certain sector is read.
breaks()
{
	live "$1"
	check "$1: an innocent read" read_at "$DISK" 65536
	case $1 in
	# The first of two answers is right.
	twice=*) read_at "$DISK" 4194304 ;;
	*) check_not "$1: the read fails" read_at "$DISK" 4194304 ;;
	esac
	check "$1: the device fails" vof_wait_state b failed 15
	like "$1: last_error says why" "$(vof_get b last_error)" "$2"
	check_not "$1: later reads fail" read_at "$DISK" 65536
	bad_end "$1"
}

# io_error BEHAVIOUR WORDS: reads and writes fail, the device stays.
io_error()
{
	live "$1"
	check_not "$1: the read fails" read_at "$DISK" 4194304
	like "$1: with an I/O error" "$(cat "$VOF_TMP/dd")" "Input/output error"
	check_not "$1: the write fails" timeout 20 dd if=/dev/zero of="$DISK" \
		bs=4k count=1 seek=1024 oflag=direct
	is "$1: state" "$(vof_get b state)" live
	like "$1: last_error says why" "$(vof_get b last_error)" "$2"
	[ "$1" = refuse ] ||
		check "$1: other reads succeed" read_at "$DISK" 65536
	bad_end "$1"
}

# fine BEHAVIOUR: nothing that matters.
fine()
{
	live "$1"
	check "$1: read" read_at "$DISK" 4194304
	check "$1: write" timeout 20 dd if=/dev/zero of="$DISK" bs=1M count=8 \
		oflag=direct
	is "$1: state afterwards" "$(vof_get b state)" live
	is "$1: no error" "$(vof_get b last_error)" ""
}

start_target --blk tvqn=good,mem=16M

# Silence costs the whole of the control timeout: all of them at once.
names=(connect device-id get-vq-size vq-connect eager driver-ok get-id)
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

enable_fails close-at=accept ECONNREFUSED "refuses the connection"
for s in connect connected get-feature set-feature num-descs device-id \
	vendor-id device-feature reset set-status driver-feature get-status \
	get-config get-vq-size; do
	enable_fails close-at=$s ECONNRESET "control queue: the target closed the connection"
done
enable_fails close-at=vq-accept ECONNREFUSED "refuses the connection"
enable_fails close-at=vq-connect ECONNRESET "virtqueue 0: the target closed the connection"
enable_fails close-at=eager ECONNRESET "control queue: the target closed the connection"
enable_fails close-at=driver-ok ECONNRESET "control queue: the target closed the connection"

enable_fails device-id=0 ENODEV "device id 0"
enable_fails no-version-1 EPROTO "VERSION_1"
enable_fails features-ok=no EOPNOTSUPP "features"
enable_fails block=large EOPNOTSUPP "block size of 1048576, which this kernel does not take, unlike"
enable_fails limits=small EOPNOTSUPP \
	"serves 2048 bytes in a request, the block layer here makes none of less than 4096"
enable_fails block=odd EOPNOTSUPP "block size of 1536, which this kernel does not take, unlike 1024"
enable_fails device-id=27 EOPNOTSUPP "this host's memory"
enable_fails device-id=26 EOPNOTSUPP "cannot be told of a lost link"

# The driver's probe waits for requests, in the middle of enable.
bad_target silent-at=probe
comes_back "silent-at=probe: enable" vof_set b enable 1
is "silent-at=probe: its error" "$(cat "$VOF_TMP/back")" ETIMEDOUT
like "silent-at=probe: last_error says why" "$(vof_get b last_error)" \
	"no answer to a request"
vof_set b enable 1 >/dev/null &
enabler=$!
vof_wait_state b connecting 5
sleep 1
check "silent-at=probe: disable while probing" timeout 10 \
	bash -c "echo 0 >$VOF_CONFIGFS/b/enable"
check_not "silent-at=probe: enable fails then" wait $enabler
bad_end silent-at=probe
enable_fails num-descs=0 EPROTO "0 keyed descriptors"
enable_fails vq-size=0 ENOENT "no virtqueue 0"
enable_fails instance=0xffff EPROTO "bad device instance id 0xffff"
enable_fails instance=other EPROTO "bad device instance id 0x0006"
enable_fails eager=empty EPROTO "eager buffers of virtqueue 0 make no sense"
enable_fails eager=wrap EPROTO "eager buffers of virtqueue 0 make no sense"
enable_fails eager=huge EPROTO "eager buffers of virtqueue 0 make no sense"
enable_fails eager=many EPROTO "65 eager buffers where 64 were asked for"
enable_fails eager=key EIO "virtqueue 0: .*access"
enable_fails unknown-id=control EPROTO "control queue: .*not in flight"
# Which of the two is noticed depends on how soon the next command is sent.
enable_fails twice=control EPROTO "not in flight|0 keyed descriptors"
enable_fails garbage=control EPROTO "Get Feature: unknown status .*0xbeef"
enable_fails short=control EPROTO "control queue: .*message that is too short"
enable_fails long=control EPROTO "control queue: .*message that is too long"
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
fine seg-max=4096
segs=$(cat "/sys/block/${DISK#/dev/}/queue/max_segments")
check "seg-max=4096: the driver sees fewer ($segs)" [ "$segs" -le 256 ]
bad_end seg-max=4096

# The block layer warns of such limits.
fine limits=odd
size=$(cat "/sys/block/${DISK#/dev/}/queue/physical_block_size")
# 16 segments of 512 bytes: no request is larger than that, nor any size that it is told.
check "limits=odd: the driver sees another one ($size)" [ "$size" = 8192 ]
# Whether the target can do that does not matter.
timeout 20 blkdiscard -o 1M -l 1M "$DISK" 2>/dev/null
bad_end limits=odd

live shrink
is "shrink: size" "$(blockdev --getsize64 "$DISK")" 16777216
check "shrink: read" read_at "$DISK" 4194304
for ((i = 0; i < 100; i++)); do
	[ "$(blockdev --getsize64 "$DISK")" = 16777216 ] || break
	sleep 0.1
done
is "shrink: size afterwards" "$(blockdev --getsize64 "$DISK")" 8388608
is "shrink: state" "$(vof_get b state)" live
bad_end shrink

io_error refuse "virtqueue 0: device-readable buffers refused"
io_error length=0 "answer without a status, or incomplete, on virtqueue 0"
io_error garbage=vq "virtqueue 0: unknown status"
good_again "errors"

breaks unknown-id=vq "virtqueue 0: .*not in flight"
breaks twice=vq "virtqueue 0: .*not in flight"
breaks length=over "virtqueue 0: .*longer than its buffers"
breaks length=error "virtqueue 0: .*error completion with a length"
breaks length=two "virtqueue 0: .*two lengths"
breaks short=vq "virtqueue 0: .*message that is too short"
breaks long=vq "virtqueue 0: .*message that is too long"
breaks close-at=request "virtqueue 0: the target closed the connection"
breaks write=key "virtqueue 0: "
breaks flood=config "control queue: another change of the configuration was announced"
breaks flood=more "control queue: the target does not stop to speak unasked"
good_again "failures"

# Keys do not outlive the request that they were given for.
live write=late
check "write=late: the read" timeout 20 dd if="$DISK" of=/dev/null bs=64k \
	count=1 skip=64 iflag=direct
check "write=late: the device fails" vof_wait_state b failed 15
like "write=late: the adapter let nothing through" "$(cat "$TARGET_LOG")" \
	"remote access error"
bad_end write=late

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

# Changes as often as there is somebody to look: the driver looks once a second.
changes() { vof_log | grep -c "new size"; }
more_changes()
{
	for ((i = 0; i < 600; i++)); do
		[ "$(changes)" -lt "$1" ] || return 0
		sleep 0.1
	done
	return 1
}
live flip
check "flip: read" read_at "$DISK" 4194304
n=$(changes)
start=$(date +%s%N)
check "flip: the driver is told of changes" more_changes $((n + 5))
n=$(($(changes) - n))
ms=$((($(date +%s%N) - start) / 1000000))
check "flip: no more than once a second ($n in $ms ms)" [ $ms -ge $(((n - 1) * 900)) ]
within 5 "flip: disable" vof_set b enable 0
bad_end flip

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

# A configuration that never comes to rest, of which 64 bits cannot be read.
bad_target generation=new
comes_back "generation=new: enable" vof_set b enable 1
note "enable: $(cat "$VOF_TMP/back"), $(vof_get b last_error)"
comes_back "generation=new: is taken down" vof_disconnect b
kill_target
live generation=later
check "generation=later: read" read_at "$DISK" 4194304
comes_back "generation=later: is taken down" vof_disconnect b
kill_target

# A driver that was told of no cache sends no flushes, and must not get one unseen.
live cache=appears
is "cache=appears: cache_type" "$(cat "/sys/block/${DISK#/dev/}/cache_type")" "write through"
vof_set b reconnect 1
check "cache=appears: the device fails" vof_wait_state b failed 15
like "cache=appears: last_error" "$(vof_get b last_error)" "cache mode .* was 0, is 1"
bad_end cache=appears

# virtio_blk has a BUG_ON() for that, and whoever reads the attribute would hold it.
live cache=odd
is "cache=odd: cache_type" "$(cat "/sys/block/${DISK#/dev/}/cache_type")" "write back"
bad_end cache=odd

# virtio_net stops the machine when it has to use a control virtqueue that is not there.
bad_target net=all
is "net=all: is enabled" "$(vof_set b enable 1)" ""
virtio=/sys/bus/virtio/devices/$(vof_get b device)
features=$(cat "$virtio/features")
is "net=all: features that work without control virtqueue" "${features:0:17}" \
	"11010101111111111"
is "net=all: none of the others" "${features:17:7}${features:50:13}" \
	"00000000000000000000"
net=$(ls "$virtio/net" 2>/dev/null)
check "net=all: the interface $net comes up" ip link set "$net" up
ip address add 198.18.0.1/24 dev "$net"
ping -c 1 -w 1 198.18.0.2 >/dev/null 2>&1
sent=$(cat "/sys/class/net/$net/statistics/tx_packets")
check "net=all: it sends ($sent)" [ "$sent" -gt 0 ]
is "net=all: state" "$(vof_get b state)" live
within 5 "net=all: disable" vof_set b enable 0
bad_end net=all

# A response of virtio-scsi that is missing, or that tells of data that is not there:
# the driver takes whatever lies in its pages.
modprobe -q sd_mod
for s in empty short sense; do
	live scsi=$s
	check "scsi=$s: an innocent read" read_at "$DISK" 65536
	check "scsi=$s: a write" timeout 20 dd if=/dev/zero of="$DISK" bs=64k \
		count=4 oflag=direct
	check_not "scsi=$s: the read fails" read_at "$DISK" 4194304
	like "scsi=$s: with an I/O error" "$(cat "$VOF_TMP/dd")" "Input/output error"
	is "scsi=$s: state" "$(vof_get b state)" live
	check "scsi=$s: other reads succeed" read_at "$DISK" 65536
	bad_end scsi=$s
done
live scsi=good
check "scsi=good: read" read_at "$DISK" 4194304
# Not to be repeated: the device fails with its link.
kill_target
check "scsi=good: a lost link fails it" vof_wait_state b failed 15
check_not "scsi=good: reads fail then" read_at "$DISK" 65536
within 5 "scsi=good: disable" vof_set b enable 0
check "scsi=good: rmdir" rmdir "$VOF_CONFIGFS/b"

# That of 6.1 waits for a reader when it registers with the core of hardware random
# numbers, and nothing ends that but an answer, even an empty one.
for ((i = 0; i < 3; i++)); do
	bad_target rng=silent
	comes_back "rng=silent: enable" vof_set b enable 1
	note "enable: $(cat "$VOF_TMP/back")"
	within 5 "rng=silent: disable" vof_set b enable 0
	bad_end rng=silent
done

# The driver of virtio-rng takes an empty answer for the end of the device.
bad_target rng=empty
is "rng=empty: is enabled" "$(vof_set b enable 1)" ""
rng=$(grep -o 'virtio_rng[.0-9]*' /sys/class/misc/hw_random/rng_available | tail -n 1)
echo "$rng" >/sys/class/misc/hw_random/rng_current
timeout 5 dd if=/dev/hwrng of=/dev/null bs=64 count=4 2>/dev/null
check "rng=empty: the device fails" vof_wait_state b failed 15
like "rng=empty: last_error" "$(vof_get b last_error)" "answered a request with nothing"
bad_end rng=empty

# One that is never late, and always nearly so.
live slow=end
within 5 "slow=end: disable" vof_set b enable 0
bad_end slow=end
good_again "all that"
finish
