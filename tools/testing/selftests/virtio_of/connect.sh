#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Connect and disconnect, and every way in which a connect can fail: the errno
# of enable, the words in last_error, the line in the kernel's log.
# transports: rdma tcp tls
# quick: yes
# ci: 6.1 6.12 debug siw 6.1-tcp 6.12-tcp debug-tcp
# timeout: 180
. "$(dirname "$0")/lib.sh"

tvqn=com.example/disk0

# fails NAME ERRNO WORDS [ATTRIBUTE=VALUE]...
fails()
{
	local name=$1 errno=$2 words=$3 got start end
	shift 3
	check "$name: can be configured" vof_make bad "$@"
	start=$(milliseconds)
	got=$(vof_set bad enable 1)
	end=$(milliseconds)
	is "$name: enable fails with $errno" "$got" "$errno"
	like "$name: last_error says why" "$(vof_get bad last_error)" "$words"
	check "$name: fails within 12 s" [ $((end - start)) -lt 12000 ]
	is "$name: state" "$(vof_get bad state)" disabled
	is "$name: no device" "$(vof_get bad device)" ""
	vof_disconnect bad
}

start_target --listen "$(vof_url "$VOF_ADDR")" --listen "$(vof_url "$VOF_ADDR6")" \
	--blk "tvqn=$tvqn,mem=16M,serial=VOF0001" \
	--blk tvqn=locked,mem=16M,allow=somebody/else \
	--blk "tvqn=open,mem=16M,allow=somebody/else,allow=me"

check "connect" vof_connect d0 "tvqn=$tvqn"
is "state" "$(vof_get d0 state)" live
like "device" "$(vof_get d0 device)" '^virtio[0-9]+$'
disk=$(vof_disk d0)
is "size" "$(blockdev --getsize64 "$disk")" 16777216
is "serial" "$(cat "/sys/block/${disk#/dev/}/serial")" VOF0001
is "no error" "$(vof_get d0 last_error)" ""
is "a second enable" "$(vof_set d0 enable 1)" EBUSY
check "still live after it" [ "$(vof_get d0 state)" = live ]
for a in "transport=$VOF_TRANSPORT" traddr=10.0.0.1 trsvcid=1 host_traddr= tvqn=x ivqn=x queue_size=64; do
	is "${a%%=*} while enabled" "$(vof_set d0 "${a%%=*}" "${a#*=}")" EBUSY
done
check "rmmod of a module in use is refused" bash -c "! rmmod $VOF_MODULE"

vof_make d1 "tvqn=$tvqn"
is "the same target by the same name" "$(vof_set d1 enable 1)" EEXIST
# Nothing leads to a target there, but that is another matter.
unshare -n sh -c "echo 1 >$VOF_CONFIGFS/d1/enable" 2>/dev/null
like "the same address in another network namespace is another one" \
	"$(vof_get d1 last_error)" "no route to the address|network is unreachable|no RDMA adapter"
vof_set d1 ivqn another/initiator
check "the same target by another name" vof_set d1 enable 1
check "disable" vof_set d1 enable 0
is "disabled" "$(vof_get d1 state)" disabled
check "disable again" vof_set d1 enable 0
check "enable again" vof_set d1 enable 1
vof_disconnect d1
is "rmdir while enabled" "$(vof_errno "$(rmdir "$VOF_CONFIGFS/d0" 2>&1)")" EBUSY
is "still live after it" "$(vof_get d0 state)" live
check "disable" vof_set d0 enable 0
check "rmdir" rmdir "$VOF_CONFIGFS/d0"
check_not "the disk is gone" [ -b "$disk" ]

check "on the access list" vof_connect d0 tvqn=open ivqn=me
vof_disconnect d0
check "IPv6" vof_connect d0 "traddr=$VOF_ADDR6" "tvqn=$tvqn"
vof_disconnect d0
check "from a local address" vof_connect d0 "host_traddr=$VOF_ADDR" "tvqn=$tvqn"
vof_disconnect d0

fails "port without a target" ECONNREFUSED "nothing listens" "tvqn=$tvqn" trsvcid=9
# With TLS nobody is told more than that his key is no good.
if over tls; then
	fails "unknown target" EKEYREJECTED "not at all" tvqn=nobody
else
	fails "unknown target" ENOENT "no such target" tvqn=nobody
fi
fails "access list" EACCES "access list" tvqn=locked
# Over siw rdma_connect() waits, until TCP gives up after two minutes if nobody ends it.
fails "nobody at the address" ETIMEDOUT "no answer" "tvqn=$tvqn" traddr=10.0.0.99
like "the log has name, address and cause" "$(vof_log)" \
	"bad: target $tvqn at $VOF_TRANSPORT://10.0.0.99:8549: .*no answer"
vof_make nobody "tvqn=$tvqn" traddr=10.0.0.99
(vof_set nobody enable 1 >"$VOF_TMP/nobody") &
enabler=$!
vof_wait_state nobody connecting 5
start=$(milliseconds)
check "disable while nobody answers" vof_set nobody enable 0
wait $enabler
check "is not waited for" [ $(($(milliseconds) - start)) -lt 1500 ]
is "nobody: the connect was given up" "$(cat "$VOF_TMP/nobody")" ECANCELED
vof_disconnect nobody
# siw takes the loopback address for its own.
over tcp || [ "$VOF_RDMA" = siw ] ||
	fails "no adapter leads there" ENODEV "adapter" "tvqn=$tvqn" traddr=127.0.0.1
fails "no route" ENETUNREACH "no route" "tvqn=$tvqn" traddr=192.0.2.1
fails "not a local address" EADDRNOTAVAIL "host_traddr" "tvqn=$tvqn" host_traddr=10.0.0.99

kill -STOP "$TARGET"
fails "frozen target" ETIMEDOUT "answer" "tvqn=$tvqn"
vof_make slow "tvqn=$tvqn"
(vof_set slow enable 1 >"$VOF_TMP/slow") &
enabler=$!
vof_wait_state slow connecting 5
is "enable while connecting" "$(vof_set slow enable 1)" EBUSY
check "disable while connecting" vof_set slow enable 0
wait $enabler
is "the connect was given up" "$(cat "$VOF_TMP/slow")" ECANCELED
like "last_error says so" "$(vof_get slow last_error)" "given up"
(vof_set slow enable 1 >"$VOF_TMP/slow") &
enabler=$!
vof_wait_state slow connecting 5
is "rmdir while connecting" "$(vof_errno "$(rmdir "$VOF_CONFIGFS/slow" 2>&1)")" EBUSY
vof_set slow enable 0
wait $enabler
check "rmdir after it" rmdir "$VOF_CONFIGFS/slow"
kill -CONT "$TARGET"

check "and connects all the same afterwards" vof_connect d0 "tvqn=$tvqn"
finish
