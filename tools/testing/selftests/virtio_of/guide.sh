#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the documents tell people to do, in the documents' own words, twice, and without
# the module; and vofctl as the units call it: started twice, restarted, stopped twice, in
# error, without a target, without a module, and for all devices at once.
# kernels: 6.1 6.12
# ci: 6.12
. "$(dirname "$0")/lib.sh"

unit=/vof/tools/initiator/virtio-of@.service
conf=/etc/virtio-of/initiator.conf
state() { cat "$VOF_CONFIGFS/disk0/state" 2>/dev/null || echo none; }
serve_disks()
{
	start_target --listen "rdma://$VOF_ADDR" --listen "tcp://$VOF_ADDR" \
		--blk tvqn=com.example/disk0,mem=16M,queues=1 \
		--blk tvqn=disk0,mem=16M,queues=1
}

# Nothing is to be left where a script was started, nor in the root.
mkdir "$VOF_TMP/here"
root=$(ls -A /)
tidy() { is "$1: leaves no files" "$(ls -A / "$VOF_TMP/here")" "/:
$root

$VOF_TMP/here:"; }
cd "$VOF_TMP/here" || bail "no directory"

# block FILE: the commands in it that make a directory, without their indentation.
block()
{
	sed -n '/^ *d=\/sys\/kernel\/config\/virtio_of\//,/^ *$/s/^ *//p' "$1" |
		sed "s/192\.0\.2\.1/$VOF_ADDR/"
}

serve_disks
for f in /vof/admin-guide.rst /vof/testing.rst; do
	what=${f##*/}
	block $f >"$VOF_TMP/block"
	check "$what has commands" grep -q 'echo 1 > .d/enable' "$VOF_TMP/block"
	name=$(sed -n 's/^d=.*\///p' "$VOF_TMP/block")
	bash "$VOF_TMP/block" >/dev/null 2>&1
	tidy "$what without the module"
	module=virtio_of_rdma
	! grep -q '^echo tcp > .d/transport' "$VOF_TMP/block" || module=virtio_of_tcp
	modprobe $module
	bash "$VOF_TMP/block" >/dev/null 2>&1
	is "$what: connects" "$(vof_get "$name" state)" live
	device=$(vof_get "$name" device)
	bash "$VOF_TMP/block" >/dev/null 2>&1
	is "$what, again: changes nothing" "$(vof_get "$name" state) $(vof_get "$name" device)" \
		"live $device"
	tidy "$what"
	vof_disconnect "$name"
	rmmod $module virtio_of
done
for f in /vof/README.md /vof/admin-guide.rst; do
	what="${f##*/}, by vofctl"
	sed -n '/^ *vofctl connect disk0/,/^ *$/s/^ *//p' $f |
		sed "s/192\.0\.2\.1/$VOF_ADDR/" >"$VOF_TMP/block"
	bash -x "$VOF_TMP/block" >"$VOF_TMP/said" 2>&1
	like "$what: lists it" "$(cat "$VOF_TMP/said")" "disk0 .* live +tcp +$VOF_ADDR +com.example/disk0"
	vofctl disconnect --idempotent disk0
	tidy "$what"
	rmmod virtio_of_tcp virtio_of
done

# ---- the configuration, and the unit ----------------------------------------

# exec_line KEY: what systemd would run for the device disk0.
exec_line() { sed -n "s/^$1=//p" $unit | sed "s,@SBINDIR@/,,; s/%i/disk0/"; }
# What it prints is for people.
start() { timeout 60 bash -c "$(exec_line ExecStart)" >/dev/null; }
stop() { timeout 60 bash -c "$(exec_line ExecStopPost)"; }
# ends STATUS WHAT WORDS COMMAND...: at once, with that status, and says why.
ends()
{
	local wanted=$1 what=$2 words=$3 status
	shift 3
	"$@" >"$VOF_TMP/said" 2>&1
	status=$?
	is "$what: ends with $wanted" $status "$wanted"
	like "$what: says why" "$(cat "$VOF_TMP/said")" "$words"
	tidy "$what"
}

ends 2 "no file" "no .device disk0. in the configuration" start
mkdir -p /etc/virtio-of/initiator.conf.d
sed -n '/initiator.conf``.*::$/,/^::/s/^   \([[a-z].*\)/\1/p' /vof/admin-guide.rst |
	sed "s/192\.0\.2\.1/$VOF_ADDR/" >$conf
is "the guide has the file" "$(head -n 1 $conf)" "[device disk0]"
check "which is right" vofctl config check
good=$(cat $conf)
mkdir "$VOF_TMP/fake"
printf '#!/bin/sh\nexit 1\n' >"$VOF_TMP/fake/modprobe"
chmod +x "$VOF_TMP/fake/modprobe"
PATH=$VOF_TMP/fake:$PATH ends 1 "no module" "cannot be loaded" start

check "start" start
is "is live" "$(state)" live
device=$(vof_get disk0 device)
check "start again" start
is "changes nothing" "$(state) $(vof_get disk0 device)" "live $device"
check "restart: stop" stop
is "nothing is left" "$(state)" none
check "restart: start" start
is "restart: live" "$(state)" live

check "stop" stop
mkdir "$VOF_CONFIGFS/disk0"
ends 6 "what somebody is making by hand" "disk0: .* not made by vofctl" start
check "which no stop takes away" stop
is "it is there" "$(state)" disabled
rmdir "$VOF_CONFIGFS/disk0"
start &
starter=$!
check "two at a time" start
wait $starter
is "of which neither fails" $? 0
is "two at a time: live" "$(state)" live

disk=$(vof_disk disk0)
exec 7<"$disk"
ends 6 "stop with the disk in use" "disk0: .*${disk#/dev/}" stop
is "it stays" "$(state)" live
check "unless one insists" vofctl disconnect --force disk0
exec 7<&-
check "stop" stop
check "stop again" stop

sed -i 's/^tvqn = .*/tvqn = nobody/' $conf
ends 3 "a wrong name" "no such target" start
check "a wrong name: stop" stop
echo "$good
nonsense = 1" >$conf
ends 2 "an unknown key" "^vofctl: $conf:5: there is no key 'nonsense'" start
ends 2 "an unknown key, checked" "^vofctl: $conf:5: there is no key 'nonsense'" vofctl config check
echo "$good" >$conf
chmod 0666 $conf
ends 2 "a file of everybody's" "$conf: others can write to it" start
chmod 0600 $conf

kill_target
start 2>"$VOF_TMP/said" &
starter=$!
wait_for() { local i; for ((i = 0; i < 300; i++)); do "$@" && return; sleep 0.1; done; return 1; }
check "without a target it is tried again" wait_for grep -q "trying again" "$VOF_TMP/said"
serve_disks
wait $starter
is "until there is one" $? 0
is "live" "$(state)" live

# All of them: one that is there, one that is not at the target, and a hundred at addresses
# that nobody has, which take their time, all of them the same.
printf '[device other]\ntransport = tcp\ntraddr = %s\ntvqn = disk0\n' "$VOF_ADDR" \
	>/etc/virtio-of/initiator.conf.d/other.conf
printf '[device not]\nauto = no\ntransport = tcp\ntraddr = %s\ntvqn = x\n' "$VOF_ADDR" \
	>/etc/virtio-of/initiator.conf.d/not.conf
ends 0 "all" "disk0 +already .*" vofctl connect-all
like "and the other" "$(cat "$VOF_TMP/said")" "other +connected "
is "which is live" "$(vof_get other state)" live
check_not "one that is not wanted is not there" [ -d "$VOF_CONFIGFS/not" ]
for i in {1..100}; do
	printf '[device away%d]\ntransport = tcp\ntraddr = 10.9.9.%d\ntvqn = x\n' "$i" "$i"
done >/etc/virtio-of/initiator.conf.d/away.conf
ip route add 10.9.9.0/24 dev "$VOF_DEV"
check "disconnect the other" vofctl disconnect other
vofctl connect-all -o json >"$VOF_TMP/said" 2>/dev/null
is "some are away: ends with 5" $? 5
is "they are told" "$(grep -c '"result": *"unreachable"' "$VOF_TMP/said")" 100
is "the other is live" "$(vof_get other state)" live
tenths() { sed -n 's/.*"seconds": *\([0-9]*\)\.\([0-9]\).*/\1\2/p' "$VOF_TMP/said" | sort -n; }
first=$(tenths | sed -n 3p)
last=$(tenths | tail -n 1)
check "they take no longer than one of them ($first to $last tenths)" \
	[ "$last" -lt $((3 * first + 50)) ]
check "disconnect it" vofctl disconnect other
sed -i 's/^tvqn = .*/tvqn = nobody/' /etc/virtio-of/initiator.conf.d/other.conf
ends 3 "one of them refused: that is worse" "other +no such target" vofctl connect-all
rm /etc/virtio-of/initiator.conf.d/*
check "stop" stop

kill_target
# What the one before has said must not be taken for what this one says.
: >"$VOF_TMP/said"
bash -c "exec $(exec_line ExecStart)" 2>"$VOF_TMP/said" &
starter=$!
check "without a target" wait_for grep -q "trying again" "$VOF_TMP/said"
kill $starter
wait $starter
check "ended while it tries: stop" stop
is "nothing is left" "$(state)" none
# Over RDMA, on a host that has just booted: there is no adapter.
check "the adapter goes" rdma link delete "${VOF_RDMA}0"
sed -i 's/^transport = .*/transport = rdma/' $conf
printf '[global]\nrxe = nowhere0\n' >/etc/virtio-of/initiator.conf.d/rxe.conf
ends 1 "an interface that is not there" "there is no interface nowhere0" vofctl connect-all
printf '[global]\nrxe = %s\n' "$VOF_DEV" >/etc/virtio-of/initiator.conf.d/rxe.conf
ends 5 "without a target" "disk0: " vofctl connect-all
like "but with an adapter" "$(rdma link)" "rxe_$VOF_DEV/1 state ACTIVE .* netdev $VOF_DEV"
serve_disks
check "over RDMA" start
is "live over RDMA" "$(state)" live
is "with the one adapter that there is" "$(rdma link | wc -l)" 1
check "stop" stop
# By its old name, for what is counted at the end.
kill_target
check "the adapter goes, which another one is for" rdma link delete "rxe_$VOF_DEV"
check "as it was" rdma link add "${VOF_RDMA}0" type "$VOF_RDMA" netdev "$VOF_DEV"
tidy "all that"
cd /
finish
