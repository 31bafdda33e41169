#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# No write of an older instance lands after the Connect of a newer one under the
# same names: not while the target lives, and not when it was killed and started
# again. The disk takes 4 s for a write; what it holds is looked at from below.
# A file that is in use is refused.
# transports: rdma tcp tls
# idle: yes
# ci: 6.12 6.12-tcp
# with: dmsetup
# timeout: 240
# shellcheck disable=SC2154 # lib has keys and actor
. "$(dirname "$0")/lib.sh"

truncate -s 32M "$VOF_TMP/below" "$VOF_TMP/other"
loop=$(vof_loop "$VOF_TMP/below")
sectors=$(blockdev --getsz "$loop")
check "a disk that takes 4 s for a write" vof_dm slow \
	"0 $sectors delay $loop 0 0 $loop 0 4000"
serve_slow=(--blk "tvqn=disk,file=/dev/mapper/slow,queues=1")
below=(--tvqn disk --below "$VOF_TMP/below")

start_target "${serve_slow[@]}"
check "the new instance waits for the old one's write, and wins" \
	act "${below[@]}" up post:8:1 sleep:500 !below:8:1 \
	"2000< again" below:8:1 write:8:2 below:8:2 sleep:5000 below:8:2 read:8:2
# That long a handshake of TLS may take, too: this write begins only when the disk goes on.
dmsetup suspend --noudevrules --noudevsync slow
act --tvqn disk up post:16:1 "await:$VOF_TMP/goes-on" collect >"$VOF_TMP/posted" 2>&1 &
posted=$!
until_done 10 grep -q post "$VOF_TMP/posted"
check "another initiator does not wait for it" \
	act "${below[@]}" --ivqn other "$(over tls || echo "<1500 ")up" !below:16:1
dmsetup resume --noudevrules --noudevsync slow
touch "$VOF_TMP/goes-on"
if wait $posted; then
	ok "it is answered when the disk goes on"
else
	not_ok "it is answered when the disk goes on"
	note <"$VOF_TMP/posted"
fi
# What is queued above the kernel's share is given up, not executed.
check "Disconnect waits for it too" \
	act "${below[@]}" up post:24:1 sleep:500 "2000< down" below:24:1

check "so does Reset, which is answered after the write" \
	act "${below[@]}" up post:32:1 sleep:500 "2000< reset" below:32:1
check "what Reset would take back is refused until then" \
	act "${below[@]}" up post:40:1 sleep:500 "2000< resetting" below:40:1
# A killed process leaves its write in the kernel.
"${actor[@]}" "${below[@]}" up post:8:3 sleep:60000 \
	>"$VOF_TMP/late" 2>&1 &
late=$!
until_done 10 grep -q post "$VOF_TMP/late"
sleep 0.5
kill_target
check "killed before the write has landed" act "${below[@]}" !below:8:3
start=$(milliseconds)
start_target "${serve_slow[@]}"
check "when the next target listens it has landed" act "${below[@]}" below:8:3
took=$(($(milliseconds) - start))
check "it listens within 8 s ($took ms)" [ $took -lt 8500 ]
like "it says what it waits for" "$(cat "$TARGET_LOG")" \
	"/dev/mapper/slow: in use by another process, or by the last I/O of one that was killed"
check "and the same names are served, with writes that stay" \
	act "${below[@]}" up read:8:3 write:8:4 below:8:4 sleep:5000 below:8:4 down
kill "$late"
wait "$late" 2>/dev/null

# in_use WHAT OPTIONS...: refused for that reason, after the time given.
in_use()
{
	local what=$1 out
	shift
	if out=$(timeout 20 virtio-of-target --listen "$VOF_TRANSPORT://$VOF_ADDR:9000" \
		--file-wait 1 "$@" 2>&1); then
		not_ok "$what: refused"
	else
		like "$what: refused" "$out" "$VOF_TMP/.*in use|/dev/.*in use"
	fi
}
in_use "a block device of another target" --blk tvqn=a,file=/dev/mapper/slow
in_use "a block device below another one" --blk "tvqn=a,file=$loop"
stop_target
other="tvqn=other,file=$VOF_TMP/other"
start_target --blk "$other"
in_use "a file of another target" --blk "tvqn=a,file=$VOF_TMP/other"
in_use "a file of another target, to be read" \
	--blk "tvqn=a,file=$VOF_TMP/other,readonly"
in_use "a file given twice" --blk "tvqn=a,file=$VOF_TMP/below" \
	--blk "tvqn=b,file=$VOF_TMP/below"
stop_target
start_target --blk "$other,readonly"
first=$TARGET
start_target --listen "$(vof_url "$VOF_ADDR" 9000)" --blk "$other,readonly"
ok "two targets may read one file"
in_use "but not write to it" --blk "tvqn=a,file=$VOF_TMP/other"
stop_target
stop_target "$first"
mkfs.ext4 -q "$VOF_TMP/other"
mounted=$(vof_loop "$VOF_TMP/other")
mount "$mounted" /mnt
in_use "a mounted block device" --blk "tvqn=a,file=$mounted"
umount /mnt
vof_no_disks
finish
