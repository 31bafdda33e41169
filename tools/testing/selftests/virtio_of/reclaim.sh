#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A link comes back although there is no memory but what waits to be written to
# this very disk, dirty pages or swap. On the debug kernel, which is too slow for that:
# how many pages a recovery takes, as it can count and refuse them.
# transports: rdma tcp
# ci: 6.1 6.12-tcp
# nodes: target initiator
# with: mkswap
# with: swapon
# with: swapoff
# kernels: 6.1 6.12 debug
# timeout: 240
# mem: 768M
. "$(dirname "$0")/lib.sh"

serve_disks()
{
	start_target --blk "tvqn=disk,file=$VOF_TMP/disk,queues=2" \
		--blk "tvqn=swap,file=$VOF_TMP/swap,queues=2"
}

if on_node target; then
	truncate -s 128M "$VOF_TMP/disk"
	# Far more than is swapped out at a time: what is in memory again keeps its place.
	truncate -s 384M "$VOF_TMP/swap"
	serve_disks
	barrier up
	# shellcheck disable=SC2154 # lib.sh has slower
	if [ "$slower" != 1 ]; then
		barrier "done"
		finish
	fi
	barrier dirty-kill
	kill_target
	barrier dirty-start
	serve_disks
	# By itself: the initiator's programs may be among what is swapped out.
	barrier swap-kill
	sleep 4
	kill_target
	sleep 6
	serve_disks
	barrier "done"
	finish
fi

meminfo()
{
	local what kb
	while read -r what kb _; do
		[ "$what" != "$1:" ] || echo "$kb"
	done </proc/meminfo
}

# zone WHAT: pages "free" or "managed" in the zone where all but 16 MiB is, in kB.
zone()
{
	awk -v what="$1" '
		$1 == "Node" { zone = $4 }
		zone == "DMA32" && $(NF - 1) == what { print $NF * 4; exit }' /proc/zoneinfo
}

# squeeze KB: from here on whoever may wait for memory has so much left, and then waits until
# some is reclaimed. What is free beyond is left to those who may not wait. Raised at the
# end and not kept from the start: to eat up to a limit is to meet it earlier or later.
squeeze()
{
	# Each zone has its share.
	echo $((($(zone free) - $1) * ($(zone managed) + 15360) / $(zone managed))) \
		>/proc/sys/vm/min_free_kbytes
}

mnt=$VOF_TMP/mnt
mkdir -p "$mnt"
mount -t tmpfs -o size=2G tmpfs "$mnt" || bail "no tmpfs"
pattern=$mnt/pattern
dd if=/dev/urandom of="$pattern" bs=1M count=4 2>/dev/null

# eat FILE WHAT LEAVE [MOST]: put memory into FILE until WHAT of /proc/meminfo is below
# LEAVE kB, or there are MOST patterns in it; prints how many there are.
eat()
{
	local n=0
	while [ "$(meminfo "$2")" -gt "$3" ] && [ "$n" -lt "${4:-500}" ]; do
		if [ "$(meminfo "$2")" -gt $(($3 + 8192)) ]; then
			cat "$pattern"
		else
			head -c 262144 "$pattern"
		fi >>"$1" || break
		n=$((n + 1))
	done
	echo $n
}

barrier up
check "connect a disk" vof_connect d0 tvqn=disk reconnect_delay=1
disk=$(vof_disk d0)

# ---- pages that a recovery takes --------------------------------------------

# Pages that modules of ours allocate, wherever below them: "space" of the kernel's
# fault injection counts them down, and refuses what is beyond.
fault=/sys/kernel/debug/fail_page_alloc
budget()
{
	echo "$1" >$fault/space
	echo -1 >$fault/times
	echo 100 >$fault/probability
}
if [ -d $fault ]; then
	read -r start end < <(vof_text)
	echo "$start" >$fault/require-start
	echo "$end" >$fault/require-end
	echo 32 >$fault/stacktrace-depth
	echo 0 >$fault/verbose
	echo 0 >$fault/min-order
	echo N >$fault/ignore-gfp-wait
	echo N >$fault/ignore-gfp-highmem

	for most in 1000000 500; do
		before=$(vof_get d0 reconnects)
		budget $most
		vof_set d0 reconnect 1
		for ((i = 0; i < 200; i++)); do
			[ "$(vof_get d0 reconnects)" = "$before" ] || break
			sleep 0.1
		done
		used=$((most - $(cat $fault/space)))
		echo 0 >$fault/probability
		check "a recovery takes less than 500 pages: $used" [ $used -lt 500 ]
		check "$most pages are enough" [ "$(vof_get d0 reconnects)" -gt "$before" ]
	done
	check "live" vof_wait_state d0 live
fi
if [ "$slower" != 1 ]; then
	barrier "done"
	finish
fi

# ---- dirty pages ------------------------------------------------------------

# What is written stays in memory as long as there is any.
echo 99 >/proc/sys/vm/dirty_ratio
echo 98 >/proc/sys/vm/dirty_background_ratio
echo 0 >/proc/sys/vm/dirty_writeback_centisecs
echo 4096 >/proc/sys/vm/min_free_kbytes
# Nor does fragmentation raise it, and the other zone is for those who have to have it.
echo 0 >/proc/sys/vm/watermark_boost_factor
echo 1 1 1 1 >/proc/sys/vm/lowmem_reserve_ratio
# The last one to close the disk would write all of it.
exec 7<"$disk"
dirty_pages()
{
	local i
	for ((i = 0; i < 12; i++)); do
		dd if="$pattern" of="$disk" bs=1M seek=$((i * 4)) conv=notrunc \
			2>/dev/null || return 1
	done
}

note "memory left: $(meminfo MemAvailable) kB, watermark $(cat /proc/sys/vm/min_free_kbytes) kB"
eat "$mnt/hog" MemAvailable 90000 >/dev/null
echo 3 >/proc/sys/vm/drop_caches
barrier dirty-kill
check "dirty pages: the link is lost" vof_wait_state d0 recovering 30
dirty_pages &
writer=$!
for ((i = 0; i < 100; i++)); do
	[ "$(meminfo Dirty)" -lt 40000 ] || break
	sleep 0.1
done
eat "$mnt/hog" MemFree $(($(meminfo MemFree) - $(zone free) + 12288)) >/dev/null
squeeze 2048
note "dirty: $(meminfo Dirty) kB, free: $(zone free) kB," \
	"watermark $(cat /proc/sys/vm/min_free_kbytes) kB"
check "dirty pages: there are some" [ "$(meminfo Dirty)" -gt 20000 ]
barrier dirty-start
check "dirty pages: live again" vof_wait_state d0 live 40 ||
	note "$(vof_get d0 last_error)"
note "free: $(zone free) kB"
rm "$mnt/hog"
echo 8192 >/proc/sys/vm/min_free_kbytes
wait $writer
is "dirty pages: they are written" "$?" 0
sync
exec 7<&-
echo 3 >/proc/sys/vm/drop_caches
same=0
for ((i = 0; i < 12; i++)); do
	dd if="$disk" bs=1M skip=$((i * 4)) count=4 iflag=direct 2>/dev/null |
		cmp -s - "$pattern" && same=$((same + 1))
done
is "dirty pages: and right" $same 12
is "dirty pages: nobody was told of an error" "$(io_errors)" ""

# ---- swap -------------------------------------------------------------------

check "connect a disk for swap" vof_connect d1 tvqn=swap reconnect_delay=1
swap=$(vof_disk d1)
mkswap "$swap" >/dev/null
check "swap on it" swapon "$swap"
eat "$mnt/hog" MemAvailable 60000 >/dev/null
before=$(vof_get d1 reconnects)
barrier swap-kill
mkdir "$mnt/anon"
for ((i = 0; i < 28; i++)); do
	cp "$pattern" "$mnt/anon/$i"
	[ "$i" -lt 14 ] || sleep 0.3
done
for ((i = 0; i < 400; i++)); do
	[ "$(vof_get d1 reconnects)" = "$before" ] || break
	sleep 0.1
done
check "swap: live again" vof_wait_state d1 live 40
check "swap: after a loss of the link" [ "$(vof_get d1 reconnects)" -gt "$before" ]
check "swap: is in use ($(($(meminfo SwapTotal) - $(meminfo SwapFree))) kB)" \
	[ "$(($(meminfo SwapTotal) - $(meminfo SwapFree)))" -gt 20000 ]
same=0
for ((i = 0; i < 28; i++)); do
	cmp -s "$pattern" "$mnt/anon/$i" && same=$((same + 1))
done
is "swap: what was in it is right" $same 28
is "swap: nobody was told of an error" "$(io_errors)" ""
rm -r "$mnt/anon" "$mnt/hog"
check "swap: can be taken off" swapoff "$swap"
umount "$mnt"
barrier "done"
finish
