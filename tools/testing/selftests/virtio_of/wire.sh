#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What goes over the wire, as tshark sees it: a write is an RDMA WRITE and a SEND
# with consecutive packet numbers and nothing in between, and so is the answer to a
# read.
#
# Packets of soft-RoCE, and it is they that are counted: nothing a debug kernel adds.
# kernels: 6.1 6.12
# nodes: target initiator
# ci: 6.12
# timeout: 200
# with: tshark dumpcap
# mem: 1536M
. "$(dirname "$0")/lib.sh"

! on_node target || serve --blk tvqn=disk0,mem=64M,queues=1

# Opcodes of reliable connections: InfiniBand specification, 9.2.
SEND_ONLY=4 WRITE_FIRST=6 WRITE_MIDDLE=7 WRITE_LAST=8 WRITE_ONLY=10

barrier up
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)

# capture SIZE FILTER DD-ARGUMENTS...: leave the packets that the filter lets pass in
# $VOF_TMP/packets as "queue-pair psn opcode"
capture()
{
	local i filter=$2
	tshark -q -i "$VOF_DEV" -f "udp port 4791" -w "$VOF_TMP/$1.pcap" \
		>"$VOF_TMP/tshark" 2>&1 &
	local pid=$!
	for ((i = 0; i < 200; i++)); do
		grep -q "Capturing on" "$VOF_TMP/tshark" && break
		sleep 0.1
	done
	if ! kill -0 $pid 2>/dev/null; then
		not_ok "tshark captures"
		note <"$VOF_TMP/tshark"
		return 1
	fi
	sleep 2
	dd bs="$1" "${@:3}" 2>/dev/null
	sleep 2
	kill -INT $pid
	wait $pid
	tshark -r "$VOF_TMP/$1.pcap" -Y "$filter" -T fields \
		-e infiniband.bth.destqp -e infiniband.bth.psn \
		-e infiniband.bth.opcode 2>/dev/null >"$VOF_TMP/all"
	# The queue pair that the data went through.
	qp=$(awk -v a=$WRITE_ONLY -v b=$WRITE_FIRST '$3 == a || $3 == b { print $1 }' \
		"$VOF_TMP/all" | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
	# Without acknowledgements (17), which repeat the numbers of the other side.
	awk -v qp="$qp" '$1 == qp && $3 != 17' "$VOF_TMP/all" >"$VOF_TMP/packets"
}

# shape SIZE WHAT: what 16 of them look like in $VOF_TMP/packets
shape()
{
	local size=$1 what=$2
	note "$what of $size: $(awk '{ n[$3]++ } END { for (o in n) printf "opcode %d: %d  ", o, n[o] }' "$VOF_TMP/packets")"
	is "$what of $size: nothing but WRITEs and SENDs" \
		"$(awk -v s=$SEND_ONLY -v f=$WRITE_FIRST -v m=$WRITE_MIDDLE -v l=$WRITE_LAST -v o=$WRITE_ONLY \
		'$3 != s && $3 != f && $3 != m && $3 != l && $3 != o' "$VOF_TMP/packets")" ""
	is "$what of $size: a SEND for each" \
		"$(awk -v s=$SEND_ONLY '$3 == s' "$VOF_TMP/packets" | wc -l)" 16
	is "$what of $size: an RDMA WRITE for each" \
		"$(awk -v l=$WRITE_LAST -v o=$WRITE_ONLY '$3 == l || $3 == o' "$VOF_TMP/packets" | wc -l)" 16
	is "$what of $size: the SEND is the next packet after the WRITE" \
		"$(awk -v s=$SEND_ONLY -v l=$WRITE_LAST -v o=$WRITE_ONLY '
		last && ($3 != s || $2 != (psn + 1) % 16777216) { print "after " psn " came opcode " $3 ", number " $2 }
		{ last = $3 == l || $3 == o; psn = $2 }' "$VOF_TMP/packets")" ""
}

for size in 512 4096 65536; do
	capture $size "ip.src == $VOF_ADDR" if=/dev/urandom of="$disk" \
		count=16 oflag=direct || continue
	shape $size write
done
for size in 4096 65536; do
	capture $size "ip.src != $VOF_ADDR" if="$disk" of=/dev/null \
		count=16 iflag=direct || continue
	shape $size "answer to read"
done
barrier "done"
finish
