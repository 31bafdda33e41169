#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a hostile initiator cannot do: take all connections or all memory, keep
# connections without using them, hold up another one's disk by a flood of
# commands or by a slow disk of its own, write to memory that is not its own,
# fill the log, or stop the target where nobody reads that.
# transports: rdma tcp
# ci: 6.12 6.12-tcp
# with: dmsetup
# smp: 2
# timeout: 240
. "$(dirname "$0")/lib.sh"

listen=(--listen "$(vof_url "$VOF_ADDR")" --listen "$(vof_url "$VOF_ADDR6")")
six=(vof-act --addr "$(vof_url "$VOF_ADDR6")" --tvqn disk)
four=(vof-act --addr "$(vof_url "$VOF_ADDR")" --tvqn disk)
mapped() { sed -n 's/^VmSize:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$TARGET/status"; }
pinned() { sed -n 's/^VmPin:[ \t]*\([0-9]*\) kB/\1/p' "/proc/$TARGET/status"; }
# What it has for its initiators, in KiB: an adapter's is pinned, a stream's is what it maps
# beyond $base; what malloc() keeps of that is $slack at most.
taken() { if over rdma; then pinned; else echo $(($(mapped) - base)); fi; }
over rdma && slack=0 || slack=1024

# ---- connections ------------------------------------------------------------

start_target "${listen[@]}" --max-connections 10 --max-share 50 \
	--connect-timeout 6 --blk tvqn=disk,mem=16M,queues=1
"${four[@]}" silent:12 "<12000 ended" >"$VOF_TMP/silent4" &
silent4=$!
"${six[@]}" silent:12 "<12000 ended" >"$VOF_TMP/silent6" &
silent6=$!
check "those that say nothing make room for others" \
	target_says "no Connect command, and another one needs its place"
check "who has a name is served meanwhile" "${four[@]}" up write:0:1 down
check "at the other address too" "${six[@]}" up write:0:1 down
wait $silent4
is "those that say nothing are ended" $? 0
wait $silent6
is "at the other address too" $? 0
note <"$VOF_TMP/silent4"
check "and the log says so" target_says "no Connect command in time" 0
check "no address gets more than its share" "${four[@]}" '!many:3'
check "and the log says so" \
	target_says "$VOF_ADDR:[0-9]+: no room for it: --max-share, 5 of 10"
stop_target
start_target "${listen[@]}" --max-connections 2 --max-share 100 \
	--blk tvqn=disk,mem=16M,queues=1
check "one connection too many is refused" "${four[@]}" '!many:2'
check "and the log says so" \
	target_says "no room for it: --max-connections \(2\) reached" 0
check "but not to who comes back, because of what it had" \
	"${four[@]}" up write:0:1 again read:0:1 again read:0:1 down
stop_target

# The peer has two seconds to close what it has said goodbye to, and they are not waited for.
start_target "${listen[@]}" --blk tvqn=disk,mem=16M,queues=1
goodbye()
{
	local i
	for i in 1 2 3; do
		"${four[@]}" up vqbye "<1800 again" && return 0
	done
	return 1
}
check "who comes back does not wait for a goodbye" goodbye
stop_target

# The last two of 16 are for names that are known.
start_target "${listen[@]}" --max-connections 16 --max-share 100 \
	--blk tvqn=disk,mem=16M,queues=1
check "an initiator is lost" "${six[@]}" --ivqn known up write:0:1
check "and is gone" target_says "instance . of disk for .known.* is gone"
"${four[@]}" "!$(over rdma && echo crowd || echo many):16" sleep:60000 >"$VOF_TMP/crowd" &
crowd=$!
check "new names do not get the last connections" target_says \
	"no room for it: what is left is kept for names that have been served before"
check "an initiator that is known does" "${six[@]}" --ivqn known up read:0:1 down
kill $crowd
wait $crowd 2>/dev/null
note <"$VOF_TMP/crowd"
stop_target

# ---- memory -----------------------------------------------------------------

start_target "${listen[@]}" --max-memory 60M --max-share 50 \
	--blk tvqn=disk,mem=16M,queues=1
"${four[@]}" '!many:20' >"$VOF_TMP/many"
note <"$VOF_TMP/many"
like "a Connect that takes too much memory is refused" "$(cat "$VOF_TMP/many")" \
	"^[1-9] instances, status 0x1002"
check "and the log says so" \
	target_says "bytes more: --max-share, 50% of --max-memory" 0
check "in words" target_says \
	"Connect of .* to disk refused: no device instance can be made \(status 0x1002\)" 0
stop_target
start_target "${listen[@]}" --max-memory 40M --max-share 100 \
	--blk tvqn=disk,mem=16M,queues=1
base=$(mapped)
free=$(taken)
# Looked at while they come, and when all that can come are there.
"${four[@]}" "!many:20:$VOF_TMP/seen" >"$VOF_TMP/many" &
many=$!
top=0
while :; do
	there=$(cat "$VOF_TMP/many")
	now=$(taken)
	[ "$now" -le "$top" ] || top=$now
	[ -z "$there" ] || break
	kill -0 $many 2>/dev/null || break
done
touch "$VOF_TMP/seen"
wait $many
note <"$VOF_TMP/many"
check "and the log says so" target_says "bytes more: (--max-memory|what is left is kept)" 0
check "taken was no more than that ($top KiB)" [ "$top" -le $((40960 + slack)) ]
check "but something was" [ "$top" -ge 20000 ]
for ((i = 0; i < 50; i++)); do
	[ "$(taken)" -gt $((free + slack)) ] || break
	sleep 0.1
done
check "all of it is given back ($free, then $(taken) KiB)" \
	[ "$(taken)" -le $((free + slack)) ]
check "and can be had again" "${four[@]}" up write:0:1 down
size=$(mapped)
"${four[@]}" '!many:20' >"$VOF_TMP/many"
for ((i = 0; i < 50; i++)); do
	[ "$(mapped)" -gt $((size + 1024)) ] || break
	sleep 0.1
done
check "the target does not grow by it ($size, then $(mapped) KiB)" 	[ "$(mapped)" -le $((size + 1024)) ]
stop_target

# ---- nobody reads what it says ----------------------------------------------

mkfifo "$VOF_TMP/fifo"
exec 7<>"$VOF_TMP/fifo"
# shellcheck disable=SC2016 # for the other shell
vof_listen bash -c 'exec virtio-of-target "$@" 2>"$0"' "$VOF_TMP/fifo" "${listen[@]}" \
	--blk tvqn=disk,mem=16M,queues=1
check "nobody reads the log, and the pipe is full" \
	bash -c "! dd if=/dev/zero of='$VOF_TMP/fifo' bs=4096 count=1000 oflag=nonblock"
check "a stranger is refused" vof-act --addr "$(vof_url "$VOF_ADDR")" --tvqn nobody '!up'
check "and others are served" timeout 60 "${six[@]}" up load:1000 down
cat <&7 >"$VOF_TMP/said" &
reader=$!
TARGET_LOG=$VOF_TMP/said
check "whoever reads later learns of it" target_says "to nobody refused: no such target"
kill $reader
wait $reader 2>/dev/null
exec 7>&-
stop_target

# ---- somebody else's disk ---------------------------------------------------

start_target "${listen[@]}" --blk tvqn=disk,mem=16M,queues=1 \
	--blk tvqn=other,mem=16M,queues=1
over tcp ||
	check "keys of one connection open nothing on another" "${four[@]}" up theft down
check "load without disturbance" act --tvqn other --ivqn quiet up load:3000
"${four[@]}" up flood:8000 >"$VOF_TMP/flood" 2>&1 &
flood=$!
resets=()
for i in 1 2 3; do
	"${four[@]}" --ivqn "reset$i" up resets:8000 >"$VOF_TMP/resets" 2>&1 &
	resets+=($!)
done
sleep 1
act --tvqn other --ivqn quiet up load:5000 >"$VOF_TMP/load"
is "load beside a flood" $? 0
note <"$VOF_TMP/load"
read -r _ _ _ _ worst _ < <(grep writes "$VOF_TMP/load")
check "no write takes more than 2 s ($worst ms)" [ "$worst" -le 2000 ]
wait $flood
is "the flood was one" $? 0
note <"$VOF_TMP/flood"
wait "${resets[@]}"
is "so were those of Resets" $? 0
note <"$VOF_TMP/resets"
touch "$VOF_TMP/storm"
while [ -e "$VOF_TMP/storm" ]; do
	"${four[@]}" silent:30
done >"$VOF_TMP/storm.out" &
storm=$!
act --tvqn other --ivqn quiet up load:5000 >"$VOF_TMP/load"
is "load beside a storm of connections" $? 0
note <"$VOF_TMP/load"
read -r _ _ _ _ worst _ < <(grep writes "$VOF_TMP/load")
check "no write takes more than 2 s ($worst ms)" [ "$worst" -le 2000 ]
rm "$VOF_TMP/storm"
wait $storm
storms=$(grep -c "^30 connections" "$VOF_TMP/storm.out")
check "the storm was one ($storms times 30 connections)" [ "$storms" -ge 1 ]
lines=$(wc -l <"$TARGET_LOG")
check "the log does not grow ($lines lines)" [ "$lines" -lt 60 ]
check "the target lives" kill -0 "$TARGET"
stop_target

# 60 flushes of 3 s each would keep every worker of the kernel for long.
truncate -s 32M "$VOF_TMP/slow" "$VOF_TMP/quick"
loop=$(vof_loop "$VOF_TMP/slow")
vof_dm slow "0 65536 delay $loop 0 0 $loop 0 0 $loop 0 3000" || not_ok "a slow disk"
start_target "${listen[@]}" --blk tvqn=disk,file=/dev/mapper/slow,queues=1 \
	--blk "tvqn=quick,file=$(vof_loop "$VOF_TMP/quick"),queues=1"
"${four[@]}" up flushes:60 "2000< collect" >"$VOF_TMP/slow.out" &
slow=$!
sleep 1
check "a slow disk does not hold up another one" act --tvqn quick --ivqn quiet \
	up write:0:1 "<1500 flush" write:0:2 "<1500 flush" down
wait $slow
is "it was slow" $? 0
note <"$VOF_TMP/slow.out"
stop_target
vof_no_disks
finish
