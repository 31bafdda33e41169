# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What lies between initiator and target, as far as tests notice. VOF_TRANSPORT is the
# fabric that the run has chosen.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

# What the tests of one fabric are about: its module, and the addresses of targets.
VOF_MODULE=virtio_of_$VOF_TRANSPORT

# over TRANSPORT: is it this one? Over TLS it is TCP as well.
over()
{
	case $1 in
	tls) [ -n "${VOF_TLS-}" ] ;;
	*) [ "$VOF_TRANSPORT" = "$1" ] ;;
	esac
}

# vof_closed: what is said of a target that closes a connection or is killed. A stream that is
# closed with data unread is reset.
vof_closed() { over rdma && echo "closed the connection" || echo "(closed|broke) the connection"; }

# vof_url ADDRESS [PORT]: where a target listens, as --listen has it.
vof_url()
{
	local addr=$1
	[[ $addr != *:* ]] || addr="[$addr]"
	if over tls; then
		addr=tls://$addr
	else
		addr=$VOF_TRANSPORT://$addr
	fi
	echo "$addr${2:+:$2}"
}

# TCP's sockets of both families: local address, peer, state; hexadecimal as the kernel has
# them. A connection that only waits for stray packets (06) is none, nor is one that was
# closed and belongs to nobody (inode 0), while the kernel still tries to tell the peer.
vof_sockets()
{
	awk 'FNR > 1 && $4 != "06" && !($10 == 0 && $4 ~ /^(04|05|09|0B)$/) {
		print $2, $3, $4 }' /proc/net/tcp /proc/net/tcp6
}

# connections: how many a target at the usual port of this guest has; both ends count
# over RDMA if both are here.
connections()
{
	case $VOF_TRANSPORT in
	rdma) rdma resource show qp | grep -c 'type RC' ;;
	tcp) vof_sockets | grep -cE "^[0-9A-F]+:$(printf %04X 8549) .* 01$" ;;
	esac
}

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

# vof_reset_connections ALL: TCP's to the usual port, as an intermediary would end them:
# with ALL 0 one of them, else all.
vof_reset_connections()
{
	local ports port
	modprobe -q tcp_diag
	mapfile -t ports < <(ss -Htn state established "dport = :8549" |
		sed -E 's/.*:([0-9]+) +[^ ]*:8549.*/\1/' | shuf)
	[ "$1" != 0 ] || ports=("${ports[@]:0:1}")
	for port in "${ports[@]}"; do
		ss -K state established "sport = :$port" >/dev/null
	done
}

# What connections are made of, all of it that can be counted. Not completion queues: the
# pool that they come from is the RDMA core's, and keeps them for the next user. An adapter
# that was added again has another number.
vof_resources()
{
	case $VOF_TRANSPORT in
	rdma) rdma resource show 2>/dev/null | sed 's/^[0-9]*:/rdma:/; s/ cq [0-9]*//' ;;
	tcp) vof_sockets | sed 's/^/tcp: /' | sort ;;
	esac
}

# Everything that can be counted: that, virtio devices, disks.
vof_census()
{
	local d
	vof_resources
	printf 'virtio: %s\n' "$(echo /sys/bus/virtio/devices/*)"
	printf 'disks:'
	# Loop devices stay once their module is there.
	for d in /sys/block/*; do
		[[ ! -e $d || $d = */loop* ]] || printf ' %s' "$d"
	done
	echo
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
