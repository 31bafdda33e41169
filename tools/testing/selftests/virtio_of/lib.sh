# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every test of this directory sources. A test is one bash script that
# runs in a guest (see scripts/guest), reports in TAP, and ends with `finish`,
# which takes everything down and looks for what was left behind. No plan is
# printed before that, so a test that leaks cannot pass.
#
#	. "$(dirname "$0")/lib.sh"
#	start_target --blk tvqn=disk0,mem=64M
#	vof_connect d0 tvqn=disk0
#	check "the disk has its size" [ "$(blockdev --getsz "$(vof_disk d0)")" = 131072 ]
#	finish
#
# A test says what it needs in comments near its top, for tools/testing/run:
#
#	# nodes: target initiator	several guests; the script runs in each,
#	#				on_node NAME tells which one it is in
#	# kernels: 6.12			not on all: 6.1, 6.12, debug, siw
#	# timeout: 300	# smp: 2	# mem: 1G	# icount: yes
#	# with: tshark			programs of the host that it needs
#	# quick: yes			part of make check-quick
#
# With several guests, one reports: the last one that `nodes` names. The others
# show their results as comments and fail by exit status.

set -u -o pipefail

VOF_CONFIGFS=/sys/kernel/config/virtio_of
VOF_TMP=/tmp/vof
VOF_NAME=$(basename "$0" .sh)
mkdir -p "$VOF_TMP"

# The debug kernel takes about ten times as long, gets a quarter of the I/O, and four
# times the time.
case $(uname -r) in
*-debug) slower=4 ;;
*) slower=1 ;;
esac

# ---- TAP --------------------------------------------------------------------

tap_count=0
tap_failed=0
tap_done=

# shellcheck disable=SC2153 # VOF_NODE comes from scripts/guest-init
on_node() { [ "$VOF_NODE" = "$1" ]; }
tap_reporter() { [ "$VOF_NODE" = "${VOF_PEERS##* }" ]; }

# Comment lines, from the arguments or from standard input.
note()
{
	if [ $# -gt 0 ]; then
		echo "# $*"
	else
		sed 's/^/# /'
	fi
}

tap_line()
{
	local verdict=$1
	shift
	tap_count=$((tap_count + 1))
	if tap_reporter; then
		echo "$verdict $tap_count - $*"
	else
		echo "# $verdict - $*"
	fi
}

ok() { tap_line ok "$*"; }

not_ok()
{
	tap_failed=$((tap_failed + 1))
	tap_line "not ok" "$*"
}

skip() { tap_line ok "$1 # SKIP $2"; }

# check DESCRIPTION COMMAND...: the command succeeds. What it says is shown
# when it does not.
check()
{
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$what"
	else
		not_ok "$what"
		note "failed: $*"
		[ -z "$out" ] || note <<<"$out"
		return 1
	fi
}

# check_not DESCRIPTION COMMAND...: the command fails, and by itself: one that timeout
# or another signal has ended, or that is not there, has told nothing.
check_not()
{
	local what=$1 status
	shift
	"$@" >/dev/null 2>&1
	status=$?
	if [ $status = 0 ] || [ $status -ge 124 ]; then
		not_ok "$what"
		note "exit status $status: $*"
		return 1
	fi
	ok "$what"
}

# The time that this guest was given, in milliseconds. A machine that has other work to
# do stops it now and then, which is no fault of what is measured. A process that sleeps
# for a moment, again and again and before all others, tells how long that was: what it
# oversleeps counts up to as much again.
vof_pulse()
{
	local before now took given=0
	trap - EXIT
	chrt -f -p 50 "$BASHPID" 2>/dev/null
	exec {pulse}<>"$VOF_TMP/pulse.wait"
	before=${EPOCHREALTIME/./}
	while :; do
		read -r -t 0.05 -u "$pulse"
		now=${EPOCHREALTIME/./}
		took=$((now - before))
		given=$((given + (took < 100000 ? took : 100000)))
		before=$now
		echo $((given / 1000)) >"$VOF_TMP/pulse"
	done
}

milliseconds()
{
	local ms=
	# It may be written just now.
	while [ -z "$ms" ]; do
		read -r ms <"$VOF_TMP/pulse"
	done
	echo "$ms"
}

# within SECONDS DESCRIPTION COMMAND...: it succeeds, and takes no longer.
within()
{
	local limit=$(($1 * slower)) what=$2 start ms pid
	shift 2
	start=$(milliseconds)
	"$@" >"$VOF_TMP/within" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		ms=$(($(milliseconds) - start))
		[ $ms -lt $((limit * 10000)) ] || break
		sleep 0.02
	done
	if [ $ms -ge $((limit * 1000)) ] || ! wait $pid; then
		not_ok "$what"
		note "took $ms ms, $limit s are allowed: $*"
		note <"$VOF_TMP/within"
		return 1
	fi
	ok "$what: within $limit s ($ms ms)"
}

# is DESCRIPTION GOT WANTED: two words are the same.
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "got:    $2"
		note "wanted: $3"
		return 1
	fi
}

# like DESCRIPTION GOT REGEX: a text matches an extended regular expression.
like()
{
	if [[ $2 =~ $3 ]]; then
		ok "$1"
	else
		not_ok "$1"
		note "got:    $2"
		note "wanted: something like $3"
		return 1
	fi
}

# The whole test cannot be run here.
skip_all()
{
	tap_done=yes
	tap_reporter && echo "1..0 # SKIP $*"
	exit 0
}

# Nothing that follows would make sense.
bail()
{
	tap_done=yes
	echo "Bail out! $*"
	vof_explain
	exit 1
}

# ---- what the log says ------------------------------------------------------

vof_bad_log='WARNING:|BUG:|BUG |Oops|Call Trace|possible .*(deadlock|locking)|INFO: (task|rcu|lockdep)|inconsistent lock|refcount_t:|list_(add|del) corruption|use-after-free|scheduling while atomic|sleeping function|general protection|soft lockup|self-detected stall|blocked for more than|kmemleak|DMA-API|leaked|UBSAN|KASAN|KCSAN'
vof_expected_log=

# What this test provokes in the kernel's log, and what is not a fault of ours.
expect_log() { vof_expected_log="${vof_expected_log:+$vof_expected_log|}$1"; }

# vof_mark TEXT: what is in the log so far is none of this test.
vof_mark()
{
	vof_marker="vof-test: $VOF_NAME: $1"
	echo "$vof_marker" >/dev/kmsg
}

vof_log() { dmesg | sed -n "/$vof_marker/,\$p"; }

# What siw of 6.12 does by itself: it lets go of user memory in a softirq when the memory
# of a process that has ended was in use (siw_free_mem(), which may sleep).
vof_not_of_siw()
{
	[ "$VOF_RDMA" = siw ] || { cat; return; }
	awk '/BUG: sleeping function called from invalid context/ { held = 1 }
		held { block = block $0 "\n" }
		!held { print }
		held && /<\/TASK>/ {
			if (block !~ /siw_free_mem/ || block !~ /unpin_user_page/)
				printf "%s", block
			block = ""
			held = 0
		}
		END { printf "%s", block }'
}

# What soft-RoCE does by itself when an interface goes down under load, once in a while: it
# waits for 50 s, with a warning, for packets of a queue pair that is destroyed
# (__rxe_cleanup()). A packet that the interface has taken and not sent lies there until the
# interface is up again. For tests that say vof_interface_down=yes.
vof_interface_down=
vof_not_of_rxe()
{
	[ -n "$vof_interface_down" ] || { cat; return; }
	awk '/WARNING: .*rxe_pool.c:[0-9]+ __rxe_cleanup/ { held = 1 }
		held { block = block $0 "\n" }
		!held { print }
		held && /<\/TASK>/ {
			if (block !~ /rxe_destroy_qp/)
				printf "%s", block
			block = ""
			held = 0
		}
		END { printf "%s", block }'
}

vof_bad_lines()
{
	vof_log | vof_not_of_siw | vof_not_of_rxe | grep -E "$vof_bad_log" |
		if [ -n "$vof_expected_log" ]; then
			grep -Ev "$vof_expected_log"
		else
			cat
		fi
}

# Show what may explain a failure.
vof_explain()
{
	local f
	note "kernel log:"
	vof_log | tail -n 25 | note
	for f in "$VOF_TMP"/target-*.log; do
		[ -e "$f" ] || continue
		note "${f##*/}:"
		tail -n 15 "$f" | note
	done
}

# ---- target -----------------------------------------------------------------

vof_targets=()		# process ids
vof_logs=0

# The address that targets listen on and initiators connect to.
target_addr()
{
	if [[ " $VOF_PEERS " = *" target "* && $VOF_PEERS = *" "* ]]; then
		node_addr target
	else
		echo "$VOF_ADDR"
	fi
}

# start_target ARGUMENTS...: start virtio-of-target and wait until it listens.
# --listen rdma://$VOF_ADDR is added when the arguments name no other. Leaves
# its process id in TARGET and its log's path in TARGET_LOG.
start_target()
{
	[[ " $* " = *" --listen"* || " $* " = *" --config"* ]] ||
		set -- --listen "rdma://$VOF_ADDR" "$@"
	vof_listen virtio-of-target "$@"
}

# start_bad_target BEHAVIOUR PORT: vof-bad-target, otherwise like start_target.
start_bad_target()
{
	vof_listen vof-bad-target --listen "$VOF_ADDR:$2" --behave "$1"
}

vof_listen()
{
	local i
	vof_logs=$((vof_logs + 1))
	TARGET_LOG=$VOF_TMP/target-$vof_logs.log
	"$@" >"$TARGET_LOG" 2>&1 9>&- &
	TARGET=$!
	vof_targets+=("$TARGET")
	for ((i = 0; i < 200; i++)); do
		grep -qi listening "$TARGET_LOG" && return 0
		kill -0 "$TARGET" 2>/dev/null || break
		sleep 0.1
	done
	bail "$* does not listen: $(tail -n 1 "$TARGET_LOG")"
}

# serve ARGUMENTS...: all that the target's guest does in a test whose other guest
# comes to the barriers "up", before it connects, and "done".
serve()
{
	start_target "$@"
	barrier up
	barrier "done"
	finish
}

# What happens to that target is no business of finish.
vof_forget_target()
{
	local rest=() p
	for p in ${vof_targets[@]+"${vof_targets[@]}"}; do
		[ "$p" = "$1" ] || rest+=("$p")
	done
	vof_targets=(${rest[@]+"${rest[@]}"})
}

# stop_target [PID]: SIGTERM, then its exit status; it has 20 seconds. Without
# PID: the one started last.
stop_target()
{
	local pid=${1:-$TARGET} i
	vof_forget_target "$pid"
	kill -TERM "$pid" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	if kill -KILL "$pid" 2>/dev/null; then
		wait "$pid" 2>/dev/null
		note "the target did not end within 20 s of SIGTERM"
		return 137
	fi
	wait "$pid"
}

# kill_target [PID]: as a crash would.
kill_target()
{
	local pid=${1:-$TARGET}
	vof_forget_target "$pid"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# target_ends: by itself, within 10 s; its exit status.
target_ends()
{
	local i
	vof_forget_target "$TARGET"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$TARGET" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$TARGET" 2>/dev/null
	wait "$TARGET"
}

# target_says REGEX [SECONDS]: waits for a line in the log of the target.
target_says()
{
	local i
	for ((i = 0; i <= ${2:-10} * 10; i++)); do
		grep -qE "$1" "$TARGET_LOG" && return 0
		sleep 0.1
	done
	return 1
}

# ---- disks below a target ---------------------------------------------------

# vof_loop FILE: a loop device over it; prints its path.
vof_loop()
{
	[ -d /sys/module/loop ] || modprobe loop max_loop=4 || return 1
	losetup -f --show "$1"
}

# vof_dm NAME TABLE: a device-mapper device, or another table for it; it is
# /dev/mapper/NAME.
vof_dm()
{
	local -a no_udev=(--noudevrules --noudevsync)
	local n
	[ -d /sys/module/dm_mod ] || modprobe dm-mod || return 1
	if [ -e "/dev/mapper/$1" ]; then
		dmsetup suspend "${no_udev[@]}" "$1" &&
			dmsetup reload "$1" --table "$2" &&
			dmsetup resume "${no_udev[@]}" "$1"
	else
		dmsetup create "${no_udev[@]}" "$1" --table "$2" || return 1
		n=$(dmsetup info -c --noheadings -o minor "$1")
		[ -e "/dev/mapper/$1" ] || ln -s "../dm-$n" "/dev/mapper/$1"
	fi
}

# vof_no_disks: all of them go again; the target must have ended.
vof_no_disks()
{
	local f
	for f in /dev/mapper/*; do
		[ -b "$f" ] || continue
		dmsetup remove --noudevrules --noudevsync "${f##*/}" ||
			not_ok "${f##*/} can be removed"
		rm -f "$f"
	done
	losetup -D
}

# act ARGUMENTS...: vof-act, see there, at the address of targets.
act() { vof-act --addr "$(target_addr)" "$@"; }

# ---- initiator --------------------------------------------------------------

# The name of an error, from what the shell prints about it.
vof_errno()
{
	case $1 in
	*"Operation not permitted"*) echo EPERM ;;
	*"No such file or directory"*) echo ENOENT ;;
	*"Input/output error"*) echo EIO ;;
	*"No such device or address"*) echo ENXIO ;;
	*"Argument list too long"*) echo E2BIG ;;
	*"Resource temporarily unavailable"*) echo EAGAIN ;;
	*"Cannot allocate memory"*) echo ENOMEM ;;
	*"Permission denied"*) echo EACCES ;;
	*"Bad address"*) echo EFAULT ;;
	*"Device or resource busy"*) echo EBUSY ;;
	*"File exists"*) echo EEXIST ;;
	*"No such device"*) echo ENODEV ;;
	*"Invalid argument"*) echo EINVAL ;;
	*"Interrupted system call"*) echo EINTR ;;
	*"Numerical result out of range"*) echo ERANGE ;;
	*"File name too long"*) echo ENAMETOOLONG ;;
	*"Directory not empty"*) echo ENOTEMPTY ;;
	*"No space left on device"*) echo ENOSPC ;;
	*"Value too large for defined data type"*) echo EOVERFLOW ;;
	*"Bad message"*) echo EBADMSG ;;
	*"Message too long"*) echo EMSGSIZE ;;
	*"Protocol error"*) echo EPROTO ;;
	*"Protocol not supported"*) echo EPROTONOSUPPORT ;;
	*"Operation not supported"*) echo EOPNOTSUPP ;;
	*"Address family not supported"*) echo EAFNOSUPPORT ;;
	*"Address already in use"*) echo EADDRINUSE ;;
	*"Cannot assign requested address"*) echo EADDRNOTAVAIL ;;
	*"Network is unreachable"*) echo ENETUNREACH ;;
	*"Connection reset by peer"*) echo ECONNRESET ;;
	*"Software caused connection abort"*) echo ECONNABORTED ;;
	*"Transport endpoint is not connected"*) echo ENOTCONN ;;
	*"Connection timed out"*) echo ETIMEDOUT ;;
	*"Connection refused"*) echo ECONNREFUSED ;;
	*"Host is down"*) echo EHOSTDOWN ;;
	*"No route to host"*) echo EHOSTUNREACH ;;
	*"Operation canceled"*) echo ECANCELED ;;
	*) echo "${1##*: }" ;;
	esac
}

# vof_set NAME ATTRIBUTE VALUE: write one attribute. On failure the error's
# name is printed.
vof_set()
{
	local err
	if err=$({ printf '%s\n' "$3" >"$VOF_CONFIGFS/$1/$2"; } 2>&1); then
		return 0
	fi
	vof_errno "$err"
	return 1
}

vof_get() { cat "$VOF_CONFIGFS/$1/$2"; }

# vof_make NAME [ATTRIBUTE=VALUE]...: a device that is not enabled yet. The
# transport and the target's address are filled in.
vof_make()
{
	local name=$1 word
	shift
	[ -d /sys/module/virtio_of_rdma ] || modprobe virtio_of_rdma ||
		bail "virtio_of_rdma does not load"
	mkdir "$VOF_CONFIGFS/$name" || return 1
	for word in transport=rdma "traddr=$(target_addr)" "$@"; do
		vof_set "$name" "${word%%=*}" "${word#*=}" || {
			note "cannot set $word"
			return 1
		}
	done
}

# vof_connect NAME tvqn=... [ATTRIBUTE=VALUE]...: make and enable a device.
# On failure the error's name is printed, and the item stays.
vof_connect()
{
	vof_make "$@" && vof_set "$1" enable 1
}

# vof_disk NAME: the path of the block device, once it is there.
vof_disk()
{
	local dev d i
	for ((i = 0; i < 200; i++)); do
		dev=$(vof_get "$1" device 2>/dev/null)
		if [ -n "$dev" ]; then
			for d in /sys/bus/virtio/devices/"$dev"/{block,host*/target*/*/block}/*; do
				[ -b "/dev/${d##*/}" ] || continue
				echo "/dev/${d##*/}"
				return 0
			done
		fi
		sleep 0.1
	done
	note "no disk for $1: state $(vof_get "$1" state 2>&1)" >&2
	return 1
}

# vof_wait_state NAME STATE [SECONDS]
vof_wait_state()
{
	local i
	for ((i = 0; i < ${3:-30} * 10; i++)); do
		[ "$(vof_get "$1" state)" = "$2" ] && return 0
		sleep 0.1
	done
	note "$1 is $(vof_get "$1" state), not $2, after ${3:-30} s"
	return 1
}

# vof_bind bind|unbind DEVICE [DRIVER]: a device of the virtio bus, virtio_blk by default
vof_bind() { echo "$2" >"/sys/bus/virtio/drivers/${3:-virtio_blk}/$1"; }

# vof_disconnect NAME: whoever uses its disk.
vof_disconnect() { vof_set "$1" enable 2 && rmdir "$VOF_CONFIGFS/$1"; }

# ---- I/O --------------------------------------------------------------------

# vof_fio NAME=VALUE...: one fio job with direct I/O; its output on failure.
# Every write is verified when verify= is given. io_size is in k or m.
vof_fio()
{
	local word args=()
	for word; do
		if [[ $word =~ ^io_size=([0-9]+)([km])$ ]]; then
			word=${BASH_REMATCH[1]}
			[ "${BASH_REMATCH[2]}" = k ] || word=$((word * 1024))
			word=io_size=$((word / slower))k
		fi
		args+=("--$word")
	done
	timeout "${VOF_FIO_TIMEOUT:-300}" fio --name=job --ioengine=libaio \
		--direct=1 --thread=1 --group_reporting=1 --output-format=terse \
		"${args[@]}" >"$VOF_TMP/fio.out" 2>&1 || {
		word=$?
		tail -n 20 "$VOF_TMP/fio.out"
		return $word
	}
	! grep -qiE 'verify:|bad (magic|header)|error=[^0]' "$VOF_TMP/fio.out" || {
		tail -n 20 "$VOF_TMP/fio.out"
		return 1
	}
}

# background_fio DISK SECONDS OPTIONS...: fio on DISK; returns SECONDS after it has
# opened that, which takes long on the debug kernel. Its process is in LOAD.
background_fio()
{
	local disk=$1 seconds=$2 i fd
	shift 2
	fio --name=load --filename="$disk" --allow_file_create=0 --time_based \
		--iodepth=32 --ioengine=libaio --direct=1 --thread "$@" \
		>"$VOF_TMP/load" 2>&1 &
	LOAD=$!
	for ((i = 0; i < 300; i++)); do
		for fd in "/proc/$LOAD/fd"/*; do
			[ ! "$fd" -ef "$disk" ] || break 2
		done
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	sleep "$seconds"
	kill -0 "$LOAD" 2>/dev/null ||
		not_ok "the load runs: $(tail -n 3 "$VOF_TMP/load")"
}

# load DISK: mixed I/O in the background, for load_ends.
load()
{
	background_fio "$1" 2 --rw=randrw --bsrange=512-128k --size=32m --runtime=120
}

# load_ends WHAT: within 30 s, and with an error.
load_ends()
{
	local i
	for ((i = 0; i < 300; i++)); do
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: fio has ended" kill -0 "$LOAD" || kill -KILL "$LOAD"
	wait "$LOAD"
	check "$1: fio has seen an error" [ $? != 0 ]
}

# verified_load DISK: writes in the background that are read back and compared,
# for verified_load_ends: for VOF_LOAD_TIME seconds, by default 8 or, on the debug kernel,
# 20.
verified_load()
{
	background_fio "$1" 1 --rw=randwrite --bsrange=512-64k --size=32m \
		--runtime="${VOF_LOAD_TIME:-$((4 + 4 * slower))}" --verify=crc32c --verify_backlog=64 \
		--verify_fatal=1 --serialize_overlap=1
}

# verified_load_ends WHAT: within 120 s, and without an error.
verified_load_ends()
{
	local i status
	for ((i = 0; i < 1200; i++)); do
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: fio has ended" kill -0 "$LOAD" || kill -KILL "$LOAD"
	wait "$LOAD"
	status=$?
	is "$1: all that was written is there" $status 0 || tail -n 20 "$VOF_TMP/load" | note
}

# ---- data that must outlast whatever a test does -----------------------------

# ledger DIRECTORY: in the background, until ledger_ends: files are written below
# DIRECTORY by three writers, new ones and old ones again. What fsync has returned
# for is noted, with its checksum, in a file that is not there: that it is lost later
# cannot be overlooked.
LEDGER=$VOF_TMP/ledger
ledger()
{
	local w
	rm -f "$LEDGER".*
	: >"$LEDGER"
	ledger_pids=()
	for w in a b c; do
		ledger_writer "$1" $w &
		ledger_pids+=($!)
	done
}

ledger_writer()
{
	local name sum
	while [ ! -e "$LEDGER.stop" ]; do
		name=$2$((RANDOM % 40))
		dd if=/dev/urandom of="$LEDGER.new-$2" bs=$((RANDOM + 1)) \
			count=$((RANDOM % 3 + 1)) 2>/dev/null
		sum=$(sha256sum <"$LEDGER.new-$2")
		if dd if="$LEDGER.new-$2" of="$1/$name" bs=16k conv=fsync \
			2>>"$LEDGER.out"; then
			echo "${sum%% *}  $name" >>"$LEDGER"
		else
			echo "$name: cannot be written" >>"$LEDGER.bad"
		fi
	done
}

# ledger_ends WHAT: within 60 s, and no write has failed.
ledger_ends()
{
	local i=0 pid
	: >"$LEDGER.stop"
	for pid in "${ledger_pids[@]}"; do
		for ((; i < 600; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		if kill -KILL "$pid" 2>/dev/null; then
			not_ok "$1: a writer of files does not end"
		fi
		wait "$pid"
	done
	check_not "$1: none of $(wc -l <"$LEDGER") fsyncs has failed" \
		[ -e "$LEDGER.bad" ] || tail -n 5 "$LEDGER.out" | note
}

# ledger_check WHAT DIRECTORY: every file is as it was when it was written last.
ledger_check()
{
	tac "$LEDGER" | sort -s -u -k 2,2 >"$LEDGER.last"
	check "$1: $(wc -l <"$LEDGER.last") files are as they were written" \
		bash -c "cd '$2' && sha256sum --quiet -c '$LEDGER.last'"
}

# passes DISK: in the background, until passes_end: writes every block of DISK once,
# reads it back, and begins anew. The number of the pass and the block's place are all
# over it: a block that is older than its pass is found as well, which fio's own
# checksums do not do.
passes()
{
	rm -f "$VOF_TMP"/passes.*
	(
		trap - EXIT
		n=0
		while [ ! -e "$VOF_TMP/passes.stop" ]; do
			n=$((n + 1))
			one_pass "$1" $n 0 || exit 1
			echo $n >"$VOF_TMP/passes.done"
			one_pass "$1" $n 1 || exit 1
		done
	) &
	PASSES=$!
}

# one_pass DISK PASS ONLY: ONLY is 1 to compare, 0 to write.
one_pass()
{
	fio --name=pass --filename="$1" --rw=randwrite --bs=16k --size=24m \
		--randseed="$2" --verify=pattern --verify_pattern="\"pass$2\"%o" \
		--verify_only="$3" --do_verify="$3" --verify_fatal=1 \
		--verify_state_save=0 --iodepth=4 --ioengine=libaio --direct=1 \
		--thread >"$VOF_TMP/passes.out" 2>&1
}

# passes_end WHAT: within 120 s, and without an error.
passes_end()
{
	local i
	: >"$VOF_TMP/passes.stop"
	for ((i = 0; i < 1200; i++)); do
		kill -0 "$PASSES" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: the passes have ended" kill -0 "$PASSES" || kill -KILL "$PASSES"
	wait "$PASSES"
	is "$1: $(cat "$VOF_TMP/passes.done") passes without an error" $? 0 ||
		tail -n 20 "$VOF_TMP/passes.out" | note
}

# passes_check WHAT DISK: what the last pass has written is there.
passes_check()
{
	check "$1: the last pass is there" \
		one_pass "$2" "$(cat "$VOF_TMP/passes.done")" 1 ||
		tail -n 20 "$VOF_TMP/passes.out" | note
}

# What a file system or the block layer says when it was told of an error.
io_errors() { vof_log | grep -E 'I/O error|EXT4-fs (error|warning)|JBD2: '; }

# ---- what is left behind ----------------------------------------------------

# Everything that can be counted: RDMA resources, virtio devices, disks. Not
# completion queues: the pool that they come from is the RDMA core's, and keeps
# them for the next user. An adapter that was added again has another number.
vof_census()
{
	local d
	rdma resource show 2>/dev/null | sed 's/^[0-9]*:/rdma:/; s/ cq [0-9]*//'
	printf 'virtio: %s\n' "$(echo /sys/bus/virtio/devices/*)"
	printf 'disks:'
	# Loop devices stay once their module is there.
	for d in /sys/block/*; do
		[[ ! -e $d || $d = */loop* ]] || printf ' %s' "$d"
	done
	echo
}

vof_loaded() { [ -d "/sys/module/$1" ]; }

# Where the text of our modules is: the first address, and one behind the last. For the
# kernel's fault injection, which finds by that who allocates.
vof_text()
{
	local module size start end lo=0xffffffffffffffff hi=0x0000000000000000
	while read -r module size _; do
		[[ $module = virtio_of?(_rdma|_tcp) ]] || continue
		start=$(cat "/sys/module/$module/sections/.text")
		end=$(printf '0x%016x' $((start + size)))
		[[ $start > $lo ]] || lo=$start
		[[ $end < $hi ]] || hi=$end
	done </proc/modules
	echo "$lo $hi"
}

# What kmemleak, of the debug kernel, takes for leaked, with the backtraces of the
# allocations. It counts an object when it is 5 s old and two scans in a row have
# found no pointer to it.
vof_kmemleak=/sys/kernel/debug/kmemleak
vof_lockdep=/proc/lockdep_stats
vof_leaks()
{
	sleep 6
	echo scan >$vof_kmemleak
	echo scan >$vof_kmemleak
	cat $vof_kmemleak
}

# What the debug kernel has found so far was provoked.
vof_forgive()
{
	vof_mark forgiven
	echo clear >$vof_kmemleak
	vof_lockdep=
}

# What the debug kernel watches: whether it still does, and what it found.
vof_check_debug()
{
	local out
	# It stops watching when it has found something, or runs out of memory.
	[ ! -e "$vof_lockdep" ] || check "lockdep is still watching" \
		grep -q '^ debug_locks: *1$' "$vof_lockdep"
	[ -e $vof_kmemleak ] || return 0
	out=$(vof_leaks)
	is "nothing has leaked" "$out" "" || note <"$VOF_TMP/text"
}

# finish: take down what is there, look for leftovers, print the plan, exit.
finish()
{
	local d m out status=0 i before

	[ -z "$tap_done" ] || return 0
	for d in "$VOF_CONFIGFS"/*/; do
		[ -d "$d" ] || continue
		vof_disconnect "$(basename "$d")" || status=1
	done
	[ $status = 0 ] || not_ok "every device can be removed"
	while [ ${#vof_targets[@]} -gt 0 ]; do
		stop_target "${vof_targets[-1]}" ||
			not_ok "the target ends with status 0 on SIGTERM (got $?)"
	done
	status=0
	: >"$VOF_TMP/text"
	for m in virtio_of_rdma virtio_of; do
		vof_loaded $m || continue
		# Backtraces have but addresses when the module is gone.
		echo "$m was at $(cat /sys/module/$m/sections/.text)" >>"$VOF_TMP/text"
		# A module whose last user has just gone may need a moment.
		out=$(timeout 60 rmmod $m 2>&1) || {
			status=1
			note "$out, users: $(cat /sys/module/$m/refcnt)"
		}
	done
	[ $status = 0 ] || not_ok "the modules can be unloaded"

	before=$(cat "$VOF_TMP/census")
	for ((i = 0; i < 50; i++)); do
		[ "$(vof_census)" != "$before" ] || break
		sleep 0.1
	done
	is "nothing is left behind" "$(vof_census)" "$before"
	vof_check_debug
	out=$(vof_bad_lines)
	is "nothing bad in the kernel's log" "$out" ""

	[ $tap_failed = 0 ] || vof_explain
	tap_done=yes
	! tap_reporter || echo "1..$tap_count"
	[ $tap_failed = 0 ] && exit 0
	exit 1
}

vof_on_exit()
{
	local status=$?
	kill $VOF_PULSE 2>/dev/null
	if [ -z "$tap_done" ]; then
		echo "Bail out! the test ended early, status $status"
		vof_explain
		exit 1
	fi
	exit $status
}

# Between guests the first packets may be lost: the network comes up when the last
# of them does. A lost packet costs the connection manager seconds.
vof_reach_target()
{
	local i
	for ((i = 0; i < 60; i++)); do
		ping -c 1 -W 1 "$(target_addr)" >/dev/null 2>&1 && return 0
	done
	bail "the target's guest cannot be reached at $(target_addr)"
}

trap vof_on_exit EXIT
mkfifo "$VOF_TMP/pulse.wait" 2>/dev/null
echo 0 >"$VOF_TMP/pulse"
vof_pulse >/dev/null 2>&1 9>&- &
VOF_PULSE=$!
# It is no job that a test would wait for.
disown $VOF_PULSE
vof_mark starts
vof_census >"$VOF_TMP/census"
on_node target || [[ $VOF_PEERS != *" "* ]] || vof_reach_target
