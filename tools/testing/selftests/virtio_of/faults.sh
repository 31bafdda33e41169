#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Faults: every allocation on the way up and down fails once, and so do posts,
# registrations and receives, or what TCP is asked for, while connecting and under load.
# The answer is a clean error or success, nothing hangs, and the device is of use
# afterwards.
#
#	faults.sh [STEP]	every STEPth of them (13), 1 takes very long
#
# transports: rdma tcp
# kernels: debug
# ci: debug
# timeout: 300
. "$(dirname "$0")/lib.sh"

debug=/sys/kernel/debug
step=${1:-13}
own=virtio_of_$VOF_TRANSPORT
# What can fail; what of it breaks a link that is up; what is to be got over, and how often.
case $VOF_TRANSPORT in
rdma)
	kinds="fail_post fail_reg fail_recv"
	breaks="fail_post fail_recv"
	endures="fail_reg:50"
	mix="fail_post:1 fail_reg:20 fail_recv:1"
	;;
tcp)
	kinds="fail_connect fail_send short_send fail_memory"
	breaks="fail_send"
	endures="short_send:50 fail_memory:20"
	mix="fail_connect:10 fail_send:1 short_send:20 fail_memory:5"
	;;
esac

# faults DIRECTORY FILE=VALUE...: what to fail, see the kernel's
# Documentation/fault-injection.
faults()
{
	local dir=$debug/$1 word
	shift
	for word; do
		echo "${word#*=}" >"$dir/${word%%=*}" || bail "no $dir/$word"
	done
}

# Faults of KIND end; without KIND all do.
no_faults()
{
	local f
	# shellcheck disable=SC2046,SC2086 # words
	[ $# -gt 0 ] || set -- failslab $(printf "$own/%s " $kinds)
	for f; do
		faults "$f" probability=0 times=1 space=0
	done
}

# usable WHAT: the device is live, by itself or after it was enabled again, and
# data comes back as written.
usable()
{
	local i
	for ((i = 0; i < 300; i++)); do
		case $(vof_get d0 state) in
		live) break ;;
		failed) vof_set d0 enable 0 >/dev/null ;;
		disabled) vof_set d0 enable 1 >/dev/null ;;
		esac
		sleep 0.1
	done
	check "$1: verified I/O" vof_fio filename="$(vof_disk d0)" rw=randwrite \
		bsrange=4k-64k size=8m io_size=1m iodepth=8 verify=crc32c
}

# nth WHAT ALLOWED COMMAND...: run COMMAND with the first, second, ... fault until
# there are no more of them. ALLOWED are the errors that it may end with.
# Around each there are the functions before and after, after with the result.
nth()
{
	local what=$1 allowed=$2 n=1 got more=yes start=$SECONDS
	local -A seen=()
	local wrong=
	shift 2
	while [ -n "$more" ] && [ $n -lt 2000 ]; do
		before
		got=$(timeout 60 vof-failnth $n "$@") || more=
		seen[$got]=$((${seen[$got]-0} + 1))
		[[ " OK $allowed " = *" $got "* ]] || wrong="$wrong $n:$got"
		after "$got" || wrong="$wrong $n:after $got"
		n=$((n + step))
	done
	for got in "${!seen[@]}"; do
		note "$what: $got ${seen[$got]} times"
	done
	note "$what took $((SECONDS - start)) s"
	is "$what: with a fault at each of $((n - 1)) places, in steps of $step, a clean result" "$wrong" ""
	is "$what: there was a last one" "$more" ""
}

# vmalloc() tells of its failures with a trace of the stack, kmemleak of its own.
expect_log "Call Trace"
expect_log "kmemleak: Cannot allocate"

start_target --blk tvqn=disk0,mem=16M,queues=1
modprobe "$VOF_MODULE" || bail "$VOF_MODULE does not load"
[ -d $debug/failslab ] || skip_all "a kernel without failslab"
# Allocations that may wait are the ones that count here.
faults failslab verbose=0 ignore-gfp-wait=N
for f in $kinds; do
	faults "$own/$f" verbose=0
done

# ---- every allocation -------------------------------------------------------

before() { :; }
after() { [ "$1" != OK ] || rmdir "$VOF_CONFIGFS/d1"; }
nth "mkdir" ENOMEM mkdir "$VOF_CONFIGFS/d1"

# From here on, what is allocated on behalf of our modules: their text is
# somewhere in the stack, and close.
read -r start end < <(vof_text)
note "text of the modules: $start to $end"
faults failslab "require-start=$start" "require-end=$end" stacktrace-depth=14

vof_make d0 tvqn=disk0 queue_size=4 || bail "no d0"
errors="ENOMEM EIO EAGAIN ENOBUFS ENOTCONN ECONNABORTED ETIMEDOUT ENODEV"
# Of a socket for which there is no memory.
over rdma || errors+=" ENETUNREACH"
before() { :; }
after()
{
	if [ "$1" = OK ]; then
		timeout 60 dd if="$(vof_disk d0)" of=/dev/null bs=64k count=4 \
			iflag=direct 2>/dev/null || return 1
		vof_set d0 enable 0 >/dev/null
	fi
	[ "$(vof_get d0 state)" = disabled ]
}
nth "enable" "$errors" write "$VOF_CONFIGFS/d0/enable" 1
usable "after the faults of enable"

before() { [ "$(vof_get d0 state)" = live ] || vof_set d0 enable 1 >/dev/null; }
after() { [ "$(vof_get d0 state)" = disabled ] || vof_set d0 enable 0 >/dev/null; }
nth "disable" ENOMEM write "$VOF_CONFIGFS/d0/enable" 0

vof_disconnect d0
before()
{
	[ -d "$VOF_CONFIGFS/d0" ] || vof_make d0 tvqn=disk0 >/dev/null
}
after() { [ ! -d "$VOF_CONFIGFS/d0" ] || rmdir "$VOF_CONFIGFS/d0"; }
nth "rmdir" ENOMEM rmdir "$VOF_CONFIGFS/d0"

# ---- adapter or TCP, while connecting ---------------------------------------

vof_make d0 tvqn=disk0 queue_size=4 || bail "no d0"
for f in $kinds; do
	outcomes=
	wrong=
	for ((n = 0; n < 400; n += step > 4 ? step / 4 : 1)); do
		faults "$own/$f" space=$n times=1 probability=100
		got=$(vof_set d0 enable 1) && got=OK
		# Not used up: there was no such call.
		left=$(cat "$debug/$own/$f/times")
		no_faults "$own/$f"
		outcomes="$outcomes $got"
		[[ " OK $errors " = *" $got "* ]] || wrong="$wrong $n:$got"
		vof_set d0 enable 0 >/dev/null
		[ "$left" = 0 ] || break
	done
	note "$f: $outcomes"
	is "connect with one of $n times $f: clean" "$wrong" ""
	check "there was a last one" [ "$left" != 0 ]
	# A registration need not be made to connect.
	over rdma || check "and a first one" [ "$n" -gt 0 ]
done
usable "after that"

# ---- the same, under load ---------------------------------------------------

# A registration that fails is no reason to fail: the data is copied. Nor is it that TCP
# takes a part of what it is given, or has no memory just now.
reconnects=$(vof_get d0 reconnects)
for f in $endures; do
	faults "$own/${f%:*}" times=1000000 "probability=${f#*:}"
	check "$f %: verified I/O" \
		vof_fio filename="$(vof_disk d0)" rw=randrw bs=64k size=16m io_size=4m \
		iodepth=8 verify=crc32c
	check "$f %: and it was met" [ "$(cat "$debug/$own/${f%:*}/times")" -lt 1000000 ]
	no_faults
done
is "and the link is up" "$(vof_get d0 state)" live
over rdma || is "all the time" "$(vof_get d0 reconnects)" "$reconnects"

for f in $breaks; do
	for n in 1 100; do
		faults "$own/$f" space=$n times=1 probability=100
		# With an error or without, according to what becomes of the link.
		VOF_FIO_TIMEOUT=60 vof_fio filename="$(vof_disk d0)" rw=randrw \
			bsrange=512-64k size=16m io_size=16m iodepth=8 >/dev/null
		check "$f $n fails under load: it ends" [ $? != 124 ]
		check "$f $n: and the fault was met" \
			[ "$(cat "$debug/$own/$f/times")" = 0 ]
		no_faults
		usable "$f $n"
	done
done

# ---- all of it at once ------------------------------------------------------

faults failslab probability=3 times=-1
for f in $mix; do
	faults "$own/${f%:*}" "probability=${f#*:}" times=-1
done
for ((n = 0; n < 4; n++)); do
	vof_set d0 enable 1 >/dev/null &&
		VOF_FIO_TIMEOUT=60 vof_fio filename="$(vof_disk d0)" rw=randrw \
			bsrange=512-64k size=16m io_size=2m iodepth=8 >/dev/null
	vof_set d0 enable 0 >/dev/null
done
no_faults
check "all at once, four times: it can be disabled" [ "$(vof_get d0 state)" = disabled ]
usable "in the end"
finish
