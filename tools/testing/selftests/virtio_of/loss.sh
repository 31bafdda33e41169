#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# No data is lost, whatever happens to the link: at random moments the target is
# killed and restarted, frozen for a random time, or the link is replaced, or broken: a
# connection of TCP's is reset, a post to the adapter fails where the kernel has fault
# injection. Meanwhile files are written with fsync, and a second disk is written and read
# back.
#
#	loss.sh [ROUNDS [SEED]]		scripts/guest passes arguments on
# transports: rdma tcp tls
# ci: 6.1 6.12 debug 6.12-tcp debug-tcp
# timeout: 420
# smp: 2
. "$(dirname "$0")/lib.sh"

# On the debug kernel, where ten take twelve minutes, each way once.
# shellcheck disable=SC2154 # slower is of lib.sh
rounds=${1:-$((slower > 1 ? 4 : 10))}
seed=${2:-$(od -An -N2 -tu2 /dev/urandom)}
seed=$((seed % 32768))
note "rounds: $rounds, seed: $seed"

mnt=$VOF_TMP/mnt
mkdir -p "$mnt"
truncate -s 24M "$VOF_TMP/raw"
truncate -s 48M "$VOF_TMP/fs"
serve_both()
{
	start_target --blk "tvqn=raw,file=$VOF_TMP/raw,queues=2" \
		--blk "tvqn=fs,file=$VOF_TMP/fs,queues=2"
}

serve_both
check "connect a disk" vof_connect raw tvqn=raw reconnect_delay=1
check "connect another" vof_connect fs tvqn=fs reconnect_delay=1
raw=$(vof_disk raw)
disk=$(vof_disk fs)
check "mkfs" mkfs.ext4 -q -F "$disk"
check "mount" mount -t ext4 "$disk" "$mnt"
ledger "$mnt"
passes "$raw"

both_live()
{
	vof_wait_state raw live "$1" && vof_wait_state fs live "$1"
}

ways=(kill stop reconnect)
fail_post=/sys/kernel/debug/virtio_of_rdma/fail_post
over tcp && ways+=(reset)
if over rdma && [ -d $fail_post ]; then
	ways+=(post)
	echo 0 >$fail_post/verbose
	echo 0 >$fail_post/times
	echo 100 >$fail_post/probability
fi

# Each kind as often as the others, in random order.
kinds=()
for ((i = 0; i < rounds; i++)); do
	kinds+=("${ways[i % ${#ways[@]}]}")
done
# After ledger and passes: what they draw is not part of the sequence.
RANDOM=$seed
for ((i = rounds - 1; i > 0; i--)); do
	j=$((RANDOM % (i + 1)))
	kind=${kinds[i]}
	kinds[i]=${kinds[j]}
	kinds[j]=$kind
done

# Milliseconds.
doze() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }

least=0		# links that were lost for certain
for ((i = 0; i < rounds; i++)); do
	doze $((RANDOM % 3000))
	pause=$((500 + RANDOM % 19500))
	[ "${kinds[i]}" != kill ] || pause=$((RANDOM % 3000))
	patient=$((RANDOM % 4))
	note "$((SECONDS)) s, round $i: ${kinds[i]}, $pause ms, raw: $(vof_get raw state), fs: $(vof_get fs state)"
	case ${kinds[i]}-$(vof_get raw state) in
	kill-live|reconnect-live) least=$((least + 1)) ;;
	esac
	case ${kinds[i]} in
	kill)
		kill_target
		doze $pause
		serve_both
		;;
	stop)
		kill -STOP "$TARGET"
		doze $pause
		kill -CONT "$TARGET"
		;;
	post)
		# The next one but some, of either disk.
		echo $((RANDOM % 30)) >$fail_post/space
		echo 1 >$fail_post/times
		;;
	reset)
		# One or all of them, in the middle of whatever passes.
		vof_reset_connections $((RANDOM % 2))
		;;
	reconnect)
		for d in raw fs; do
			vof_set $d reconnect 1 ||
				not_ok "round $i: the link of $d can be replaced"
		done
		;;
	esac
	# Sometimes the next loss meets a recovery.
	[ $patient = 0 ] || both_live 30 || not_ok "round $i: live again"
done
[[ " ${ways[*]} " != *" post "* ]] || echo 0 >$fail_post/times
check "live at the end" both_live 40
ledger_ends "end"
passes_end "end"
for d in raw fs; do
	is "$d: last state" "$(vof_get $d state)" live
	reconnects=$(vof_get $d reconnects)
	note "$d: $reconnects reconnects, $(vof_get $d replayed) requests sent again"
	check "$d: links are counted" \
		[ "$reconnects" -ge $least -a "$reconnects" -le $((4 * rounds)) ]
	check "$d: requests were sent again" [ "$(vof_get $d replayed)" -gt 0 ]
done
check "umount" umount "$mnt"
check "fsck" e2fsck -f -n "$disk"

# From the target, not from memory.
vof_disconnect raw
vof_disconnect fs
check "fsck at the target" e2fsck -f -n "$VOF_TMP/fs"
check "connect again" vof_connect raw tvqn=raw
check "connect the other again" vof_connect fs tvqn=fs
raw=$(vof_disk raw)
passes_check "read back" "$raw"
# That it finds what is old has been doubted.
check_not "the pass before would have been found" \
	one_pass "$raw" $(($(cat "$VOF_TMP/passes.done") - 1)) 1
check "mount again" mount -t ext4 "$(vof_disk fs)" "$mnt"
ledger_check "read back" "$mnt"
check "umount again" umount "$mnt"
is "nobody was told of an error" "$(io_errors)" ""
finish
