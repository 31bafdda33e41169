#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vofctl, as people and scripts call it: each command, each exit code, what it leaves, and
# whom it leaves alone; without udev and with it.
# transports: tcp
# with: multipath dmsetup jsonschema setpriv
# kernels: 6.12
# ci: 6.12-tcp
# timeout: 480
# mem: 1G
. "$(dirname "$0")/lib.sh"

# ctl CODE DESCRIPTION ARGUMENTS...: it ends with that; what it said is in SAID.
ctl()
{
	local want=$1 what=$2 status
	shift 2
	SAID=$(timeout 60 vofctl "$@" 2>&1)
	status=$?
	is "$what" $status "$want" || note <<<"$SAID"
}
says() { like "$1: says so" "$SAID" "$2"; }
dirs() { ls "$VOF_CONFIGFS" 2>/dev/null; }
state() { cat "$VOF_CONFIGFS/$1/state" 2>/dev/null || echo none; }
at=(-t "$VOF_TRANSPORT" -a "$VOF_ADDR")

# ---- usage -------------------------------------------------------------------

ctl 2 "no command"
ctl 2 "an unknown command" frobnicate
ctl 0 "help" --help
commands=$(sed -n 's/^  \([a-z-]*\) .*/\1/p' <<<"$SAID")
like "it names the commands" "$commands" connect.*disconnect.*list.*version
for c in $commands; do
	ctl 0 "$c --help" "$c" --help
done
ctl 2 "an unknown option" list --frobnicate
ctl 2 "a number too big" target add --wait 4294967297 blk tvqn=x
says "a number too big" "no number from 0 to 3600"
ctl 2 "no target is named" connect d0 -t tcp -a "$VOF_ADDR"
says "no target is named" "tvqn is missing"
ctl 2 "a bad value" connect d0 "${at[@]}" -n disk0 --queue-size 3
says "a bad value" "no power of two"
ctl 2 "five addresses" connect d0 "${at[@]}" -a "1.1.1.1 2.2.2.2" -a 3.3.3.3 -a 4.4.4.4 -n x
ctl 2 "a name with slashes" connect ../d0 "${at[@]}" -n disk0
ctl 0 "version" version
ctl 0 "a list without the module" list
is "it is empty" "$(wc -l <<<"$SAID")" 1
ctl 1 "show a device without the module" show d0
says "show a device without the module" "not loaded"

# ---- names of the host -------------------------------------------------------

rm -rf /etc/virtio-of /etc/modprobe.d/virtio-of.conf
ctl 0 "ivqn makes a name" ivqn
name=$SAID
like "a random one" "$name" '^virtio-of/host/[-0-9a-f]{36}$'
ctl 0 "ivqn shows it" ivqn show
is "the same one" "$SAID" "$name"
ctl 0 "another random one" ivqn new
check "is another" [ "$SAID" != "$name" ]
ctl 0 "one of choice" ivqn new com.example/host
is "is it" "$(cat /etc/virtio-of/ivqn)" com.example/host
like "the module's option is made from it" "$(cat /etc/modprobe.d/virtio-of.conf)" \
	'ivqn="com.example/host"'
ctl 2 "one that cannot be" ivqn new 'a"b'
echo 'a"b' >/etc/virtio-of/ivqn
ctl 2 "one in the file that cannot be" ivqn
ctl 0 "it is replaced" ivqn new com.example/host

# ---- connect -----------------------------------------------------------------

disks=()
for ((i = 0; i < 30; i++)); do
	disks+=(--blk "tvqn=com.example/disk$i,mem=1M,queues=1")
done
serve_disks()
{
	start_target "${disks[@]}" --blk "tvqn=big,mem=64M,queues=1" \
		--blk "tvqn=private,mem=1M,queues=1,allow=somebody" --rng tvqn=rng
}
serve_disks
ctl 0 "connect, which loads the module" connect d0 "${at[@]}" -n com.example/disk0
is "it names the disk" "$SAID" "d0: $(vof_disk d0)"
is "it is live" "$(state d0)" live
is "by the name of this host" "$(vof_get d0 ivqn)" com.example/host
ctl 6 "connect again" connect d0 "${at[@]}" -n com.example/disk0
ctl 0 "connect --idempotent" connect d0 "${at[@]}" -n com.example/disk0 --idempotent --io-tmo 31
says "connect --idempotent" "already connected"
is "what may change at any time does" "$(vof_get d0 io_tmo)" 31
ctl 2 "the name is another device's" connect d0 "${at[@]}" -n com.example/disk1 --idempotent
says "the name is another device's" "another tvqn: com.example/disk0"
ctl 2 "two directories for one device" connect d1 "${at[@]}" -n com.example/disk0
exits() { "${@:2}"; [ $? = "$1" ]; }
within 8 "which no waiting changes" exits 2 \
	vofctl connect d1 "${at[@]}" -n com.example/disk0 --wait 60
echo "$VOF_ADDR server" >>/etc/hosts
ctl 0 "the name of a host, and none of a device" connect -t tcp -a server -n com.example/disk1 \
	--ctrl-loss-tmo 77
is "has an address" "$(vof_get disk1 traddr)" "$VOF_ADDR"
is "has the attribute" "$(vof_get disk1 ctrl_loss_tmo)" 77
ctl 0 "a device without a disk" connect rng "${at[@]}" -n rng
is "is named by its device" "$SAID" "rng: $(vof_get rng device)"

before=$(dirs)
ctl 3 "no such target" connect x "${at[@]}" -n nobody
says "no such target" "no such target .*does not serve that tvqn"
ctl 4 "no access" connect x "${at[@]}" -n private
says "no access" "allow="
ctl 5 "nobody listens" connect x "${at[@]}" -s 9 -n big
says "nobody listens" "is the target started"
ctl 5 "a host that nobody knows" connect x -t tcp -a nobody.invalid -n big
ctl 2 "tls over rdma" connect x -t rdma -a "$VOF_ADDR" -n big --tls
ctl 1 "a fabric that is none" connect x -t carrier -a "$VOF_ADDR" -n big
is "nothing of all that is left" "$(dirs)" "$before"
is "nor in /run" "$(ls /run/virtio-of/devices)" "$before"

within 8 "--wait ends when it is over" exits 5 vofctl connect x "${at[@]}" -s 9 -n big --wait 2
vofctl connect x "${at[@]}" -s 9 -n big --wait 60 2>"$VOF_TMP/said" &
ended=$!
check "it tries again" until_done 30 grep -q "trying again" "$VOF_TMP/said"
kill -TERM $ended
wait $ended
is "a signal ends it" $? 1
like "which it says" "$(cat "$VOF_TMP/said")" "trying again.*ended by a signal"
is "and nothing is left" "$(dirs)" "$before"

: >"$VOF_TMP/said"
vofctl connect late "${at[@]}" -s 8550 -n late --wait 60 >"$VOF_TMP/said" 2>&1 &
late=$!
check "what may pass is tried again" until_done 30 grep -q "trying again" "$VOF_TMP/said"
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --blk tvqn=late,mem=1M
second=$TARGET
wait $late
is "until there is a target" $? 0
is "then it is live" "$(state late)" live
vofctl connect late "${at[@]}" -s 8550 -n late --idempotent >/dev/null &
ctl 0 "two at a time" connect late "${at[@]}" -s 8550 -n late --idempotent
wait $!
is "of which neither fails" $? 0

# One that is being connected is given up.
kill -STOP "$second"
vofctl connect x "${at[@]}" -s 8550 -n late -q another 2>"$VOF_TMP/said" &
late=$!
connecting() { [ "$(state x)" = connecting ]; }
check "a target that says nothing" until_done 30 connecting
ctl 0 "disconnect meanwhile" disconnect x
wait $late
is "ends the attempt" $? 1
like "which says so" "$(cat "$VOF_TMP/said")" "given up"
kill -CONT "$second"

# ---- list, show --------------------------------------------------------------

disk=$(vof_disk d0)
ctl 0 "list" list
like "a line for a disk" "$SAID" "d0 +$disk +1.0M +live +tcp +$VOF_ADDR +com.example/disk0"
like "a line for none" "$SAID" "rng +- +- +live"
ctl 0 "list -o json" list -o json
like "json has a version" "$SAID" '"version": 1'
ctl 2 "list -o xml" list -o xml
ctl 0 "show by name" show d0
byname=$SAID
like "it has it all" "$byname" "tvqn +com.example/disk0.*io_tmo +31.*disk +$disk"
ctl 0 "show by disk" show "$disk"
is "is the same" "$(grep -v state_age <<<"$SAID")" "$(grep -v state_age <<<"$byname")"
ctl 1 "show what is not there" show nobody
ctl 1 "show a stranger's disk" show /dev/nobody
ctl 2 "show what is no disk" show /dev/null
ctl 2 "show nothing" show

# ---- set, reconnect ----------------------------------------------------------

ctl 0 "set" set d0 io_tmo=40 reconnect_delay=1
is "is set" "$(vof_get d0 io_tmo) $(vof_get d0 reconnect_delay)" "40 1"
ctl 2 "set a bad value" set d0 io_tmo=0
ctl 2 "set what is no attribute" set d0 frobnicate=1
ctl 6 "set what is fixed now" set d0 tvqn=other
ctl 1 "set of no device" set nobody io_tmo=1
ctl 0 "reconnect" reconnect d0 --wait 20
is "is one" "$(vof_get d0 reconnects)" 1
ctl 1 "reconnect no device" reconnect nobody

# ---- disconnect --------------------------------------------------------------

ctl 0 "a big disk" connect big "${at[@]}" -n big
disk=$(vof_disk big)
# stays WHAT WORDS
stays()
{
	ctl 6 "$1 stays" disconnect big
	says "$1" "$2"
	is "$1 is live" "$(state big)" live
}
mkfs.ext4 -qF "$disk" 8M
mkdir -p "$VOF_TMP/mnt"
mount "$disk" "$VOF_TMP/mnt"
stays "what is mounted" "$disk is mounted at $VOF_TMP/mnt"
umount "$VOF_TMP/mnt"
mkswap "$disk" >/dev/null
if swapon "$disk"; then
	stays "swap" "$disk is swap"
	swapoff "$disk"
else
	not_ok "swapon"
fi
vof_dm upper "0 8 linear $disk 0"
stays "a part of another device" "$disk is part of the device mapper's upper"
dmsetup remove --noudevrules --noudevsync upper
rm -f /dev/mapper/upper
loop=$(vof_loop "$disk")
stays "what is below a loop device" "$disk is below $loop"
losetup -d "$loop"

# What a root is on stays whatever one says, itself or by what is made of it; and its limits
# stay as they are when the host goes down.
mkdir -p /sysroot
# is_root WHAT WORDS: a disk that is mounted at /sysroot.
is_root()
{
	ctl 6 "$1 stays, with --force" disconnect big --force
	says "$1" "$2"
	says "$1, which is a root" "this host runs from it: left alone"
	is "$1 is live" "$(state big)" live
	ctl 0 "hurry with $1" hurry 20
	is "leaves it alone" "$(vof_get big ctrl_loss_tmo)" "$limit"
	is "but no other one" "$(vof_get d0 ctrl_loss_tmo)" 20
	vof_set d0 ctrl_loss_tmo 600
}
limit=$(vof_get big ctrl_loss_tmo)
ctl 2 "hurry, but how much" hurry
ctl 2 "hurry in a week" hurry 604800
mkfs.ext4 -qF "$disk" 8M
mount "$disk" /sysroot
is_root "what is mounted there" "$disk is mounted at /sysroot"
umount /sysroot
loop=$(vof_loop "$disk")
mount "$loop" /sysroot
is_root "what is below a loop device there" "$loop is mounted at /sysroot"
umount /sysroot
losetup -d "$loop"
mount "$disk" "$VOF_TMP/mnt"
truncate -s 4M "$VOF_TMP/mnt/image"
loop=$(vof_loop "$VOF_TMP/mnt/image")
mkfs.ext4 -qF "$loop"
mount "$loop" /sysroot
is_root "what has a file of a loop device there" "$disk holds the file of $loop"
umount /sysroot
losetup -d "$loop"
umount "$VOF_TMP/mnt"
rmdir /sysroot
ctl 0 "hurry" hurry 20
is "is for all others" "$(vof_get big ctrl_loss_tmo)" 20
vof_set d0 ctrl_loss_tmo 10
ctl 0 "hurry slowly" hurry 30
is "makes no limit longer" "$(vof_get d0 ctrl_loss_tmo)" 10
vof_set d0 ctrl_loss_tmo 600
vof_set big ctrl_loss_tmo "$limit"

exec 7<"$disk"
sleep 1000 &
holder=$!
stays "what is open" "$disk is open in sleep .process $holder"
exec 7<&-
ctl 6 "by its disk, too" disconnect "$disk"
ctl 0 "--force takes it away" disconnect big --force
is "it is gone" "$(state big)" none
kill $holder
ctl 0 "a big disk again" connect big "${at[@]}" -n big
mkfs.ext4 -qF "$(vof_disk big)" 8M
mount "$(vof_disk big)" "$VOF_TMP/mnt"
ctl 0 "--force, of a mounted one" disconnect big --force
says "--force, of a mounted one" "is mounted at .*taken away all the same"
umount "$VOF_TMP/mnt" 2>/dev/null

ctl 1 "disconnect what is not there" disconnect nobody
ctl 0 "disconnect --idempotent" disconnect --idempotent nobody
ctl 0 "disconnect by disk" disconnect "$(vof_disk disk1)"
is "it is gone" "$(state disk1)" none
vof_connect hand tvqn=com.example/disk5
ctl 0 "for the root" connect root "${at[@]}" -n com.example/disk6 --keep
ctl 6 "it stays" disconnect root --force
ctl 0 "--made takes what was made here" disconnect --made d0
is "it is gone" "$(state d0)" none
ctl 0 "--made leaves alone what was not" disconnect --made hand root
like "which it says" "$SAID" "hand: not made by vofctl.*root: connected with"
is "both are live" "$(state hand) $(state root)" "live live"
ctl 0 "of the root by its name, and --keep, later" connect hand "${at[@]}" -n com.example/disk5 \
	--idempotent --keep
ctl 6 "it stays from then on" disconnect hand
is "it is live" "$(state hand)" live
echo made 0 >/run/virtio-of/devices/hand
ctl 0 "disconnect --all" disconnect --all
like "leaves alone what it did not make" "$SAID" "hand: not made by vofctl.*root: connected with"
is "and that alone" "$(dirs)" "hand
root"
ctl 0 "what was made by hand, by name" disconnect hand
is "nothing is noted of what is gone" "$(ls /run/virtio-of/devices)" root
mkdir "$VOF_CONFIGFS/hand"
ctl 6 "what somebody is just making" connect hand "${at[@]}" -n com.example/disk5 --idempotent
says "what somebody is just making" "not made by vofctl"
check "is left" rmdir "$VOF_CONFIGFS/hand"
# The test takes it, since vofctl does not.
vof_disconnect root
kill_target "$second"

# ---- persist -----------------------------------------------------------------

ctl 0 "connect --persist" connect d0 -t tcp -a server -n com.example/disk0 --persist --io-tmo 33
is "has a file" "$(grep -v '^;' /etc/virtio-of/initiator.conf.d/d0.conf)" "[device d0]
transport = tcp
traddr = server
tvqn = com.example/disk0
io_tmo = 33"
ctl 0 "again" connect d0 -t tcp -a server -n com.example/disk0 --persist --idempotent
echo "[device d0]" >/etc/virtio-of/initiator.conf.d/d0.conf
ctl 1 "not over what others wrote" connect d0 -t tcp -a server -n com.example/disk0 \
	--persist --idempotent
echo "[device d1]" >/etc/virtio-of/initiator.conf
ctl 1 "nor what stands elsewhere" connect d1 "${at[@]}" -n com.example/disk1 --persist
says "nor what stands elsewhere" "initiator.conf:1: .device d1. is there already"
is "and nothing is done" "$(state d1)" none
rm /etc/virtio-of/initiator.conf
ctl 0 "disconnect" disconnect d0
ctl 0 "connect --persist --keep" connect kept "${at[@]}" -n com.example/disk0 --persist --keep
is "says so in the file" "$(tail -n 1 /etc/virtio-of/initiator.conf.d/kept.conf)" "keep = yes"
vof_disconnect kept
rm /run/virtio-of/devices/kept
ctl 0 "after a boot" connect-all kept
is "it is there" "$(state kept)" live
ctl 6 "and kept" disconnect kept --force
vof_disconnect kept
rm /etc/virtio-of/initiator.conf.d/*

# ---- monitor, trace, stats ---------------------------------------------------

traces() { ls -d /sys/kernel/tracing/instances/vofctl-* 2>/dev/null; }
has() { grep -q "$1" "$VOF_TMP/said"; }
vofctl monitor d0 >"$VOF_TMP/said" &
monitor=$!
check "monitor begins" until_done 30 traces
ctl 0 "connect" connect d0 "${at[@]}" -n com.example/disk0
ctl 0 "and another one" connect d1 "${at[@]}" -n com.example/disk1
check "monitor tells of a device that comes" until_done 30 has "d0: connecting -> live"
ctl 0 "reconnect" reconnect d0 --wait 20
check "of a link that is replaced" until_done 30 has "d0: recovering -> live"
is "of no other device" "$(grep -c ' d1:' "$VOF_TMP/said")" 0
kill -INT $monitor
wait $monitor
is "a signal ends it well" $? 0
is "and its tracing" "$(traces)" ""
vofctl monitor -o json --count 2 >"$VOF_TMP/change.json" &
monitor=$!
check "monitor as json begins" until_done 30 grep -q live "$VOF_TMP/change.json"
ctl 0 "reconnect" reconnect d0 --wait 20
wait $monitor
is "it ends when it has counted" $? 0

# One that was killed has left its tracing; the next one takes that away.
vofctl trace d0 >"$VOF_TMP/said" &
trace=$!
check "trace begins" until_done 30 has STATUS
kill -KILL $trace
wait $trace 2>/dev/null
is "what was killed leaves its tracing" "$(traces | wc -l)" 1
vofctl trace d0 --count 8 -o json >"$VOF_TMP/request.json" &
trace=$!
until_trace() { [ "$(traces)" = "/sys/kernel/tracing/instances/vofctl-$trace" ]; }
check "the next one takes it away" until_done 30 until_trace
io() { dd if="$(vof_disk "$1")" of=/dev/null bs=64k count=1 iflag=direct 2>/dev/null; }
until_traced() { io d1; io d0; ! kill -0 $trace 2>/dev/null; }
check "trace ends when it has counted" until_done 30 until_traced
wait $trace
is "as it should" $? 0
is "of that device alone" "$(grep -c '"name":"d0"' "$VOF_TMP/request.json")" 8
check "a read of 64 KiB is one" grep -q '"bytes_out":16,"bytes_in":65537' "$VOF_TMP/request.json"
is "nothing is left of it" "$(traces)" ""
vofctl trace --seconds 1 >/dev/null
is "trace for a second" $? 0
ctl 2 "trace without an end to count to" trace --count 0
ctl 1 "trace of no device" trace nobody

ctl 0 "stats" stats
like "counts links" "$(sed -n '/NAME/p;/^d0/p' <<<"$SAID")" "RECONNECTS.*d0 +live .* 2 +0"
requests() { vofctl stats d0 -o json | sed -n 's/.*"requests": \([0-9]*\).*/\1/p'; }
before=$(requests)
for ((i = 0; i < 10; i++)); do
	io d0
done
is "counts requests" $(($(requests) - before)) 10
ctl 0 "stats of an interval" stats d0 --interval 1 --count 1
like "has rates" "$SAID" "d0 +live +0"
ctl 0 "as OpenMetrics" stats -o openmetrics
metrics=$SAID
like "has a counter" "$metrics" 'virtio_of_device_reconnects_total[{]name="d0"[}] 2'
like "and an end" "$metrics" '# EOF$'
# What a reader of the format demands: a type for each sample, families together.
bad=$(awk '/^# TYPE / { type[$3] = $4; family = $3; if (seen[$3]++) print }
	/^#/ { next }
	{ name = $1; sub(/[{].*/, "", name); sub(/_total$/, "", name)
	  if (name != family || $NF !~ /^[0-9]+$/) print }' <<<"$metrics")
is "is well formed" "$bad" ""

# ---- connect-all, and the target ---------------------------------------------

# There is one, and each other one has something of its own against it.
for d in "d0 com.example/disk0" "x nobody" "y private"; do
	printf '[device %s]\ntransport = tcp\ntraddr = server\ntvqn = %s\n' "${d% *}" "${d#* }"
done >/etc/virtio-of/initiator.conf
timeout 60 vofctl connect-all -o json >"$VOF_TMP/results.json" 2>/dev/null
is "connect-all ends with the worst" $? 3
like "which it tells of each" "$(grep -o '"code": *[0-9]' "$VOF_TMP/results.json" | xargs)" \
	"^code: 0 code: 3 code: 4$"
ctl 2 "connect-all of one that is not configured" connect-all nobody
rm /etc/virtio-of/initiator.conf

for c in status stats reload "remove x" "add blk tvqn=x mem=1M"; do
	# shellcheck disable=SC2086 # a command and its arguments
	ctl 5 "target $c, and there is none" target $c
	says "target $c" "no target is there"
done
mkdir -p /run/virtio-of
printf '%s\n' '[target]' "control = /run/virtio-of/target.sock" '[listen]' \
	"url = $(vof_url "$VOF_ADDR" 8551)" '[blk third]' 'mem = 1M' >"$VOF_TMP/target.conf"
start_target --config "$VOF_TMP/target.conf"
third=$TARGET
ctl 0 "connect to it" connect third "${at[@]}" -s 8551 -n third
io third
ctl 0 "target status" target status
like "has its devices" "$SAID" "third +blk +served +1.0M +1 +$VOF_TMP/target.conf:5"
ctl 3 "target status of what it does not serve" target status nobody
ctl 3 "target stats, too" target stats nobody
ctl 3 "target remove, too" target remove nobody
ctl 2 "target add of what cannot be" target add blk tvqn=x mem=1Q
ctl 1 "target add of what is there" target add blk tvqn=third mem=1M
ctl 1 "target add of what is not there" target add blk tvqn=gone "file=$VOF_TMP/gone" --wait 0
says "target add of what is not there" "gone is not served yet.*No such file"
ctl 0 "target stats" target stats third
like "has what was done" "$SAID" "third +[1-9][0-9]* +[1-9][0-9.]*K"
for c in status "status gone" stats "stats third" reload; do
	# shellcheck disable=SC2086 # a command and its argument
	vofctl target $c -o json | tr -d '\n' >>"$VOF_TMP/target.json"
	echo >>"$VOF_TMP/target.json"
done
cp "$VOF_TMP/target.conf" "$VOF_TMP/good.conf"
echo 'mem = 1Q' >>"$VOF_TMP/target.conf"
ctl 2 "target reload of what is wrong" target reload
says "target reload of what is wrong" "target.conf:7: .*nothing is changed"
cp "$VOF_TMP/good.conf" "$VOF_TMP/target.conf"
ctl 0 "target add" target add blk tvqn=fourth mem=1M
ctl 0 "target remove" target remove fourth
ctl 0 "target reload" target reload
setpriv --reuid 65534 --clear-groups vofctl target status >/dev/null 2>&1
is "target status is root's alone" $? 4
ctl 0 "disconnect from it" disconnect third
kill_target "$third"

# ---- the schema --------------------------------------------------------------

for c in list "show d0" "show d1" stats; do
	# shellcheck disable=SC2086 # a command and its argument
	vofctl $c -o json | tr -d '\n' >>"$VOF_TMP/documents"
	echo >>"$VOF_TMP/documents"
done
{
	tr -d '\n' <"$VOF_TMP/results.json"
	echo
	cat "$VOF_TMP/change.json" "$VOF_TMP/request.json" "$VOF_TMP/target.json"
} >>"$VOF_TMP/documents"
echo '{ "version": 1, "devices": [ {} ] }' >"$VOF_TMP/wrong"
cat >"$VOF_TMP/hold.py" <<-'PY'
	import json, sys
	import jsonschema
	schema = json.load(open("/vof/vofctl.schema.json"))
	jsonschema.Draft7Validator.check_schema(schema)
	for line in open(sys.argv[1]):
	    jsonschema.Draft7Validator(schema).validate(json.loads(line))
PY
is "there are documents of each kind" "$(grep -c . "$VOF_TMP/documents")" \
	$((4 + 1 + 8 + 5 + $(grep -c . "$VOF_TMP/change.json")))
check "all are as the schema has them" python3 "$VOF_TMP/hold.py" "$VOF_TMP/documents"
check_not "another one is not" python3 "$VOF_TMP/hold.py" "$VOF_TMP/wrong"
ctl 0 "disconnect" disconnect d0 d1

# ---- udev, and many ----------------------------------------------------------

mkdir -p /run/udev /etc/udev/rules.d
cp /vof/tools/initiator/60-virtio-of.rules /etc/udev/rules.d
/usr/lib/systemd/systemd-udevd --daemon || bail "no udev"
serial=/dev/disk/by-id/virtio-vof-
for ((i = 0; i < 3; i++)); do
	ctl 0 "with udev, $i" connect d0 "${at[@]}" -n com.example/disk0
	like "its name in by-id" "$SAID" "^d0: ${serial}[0-9a-f]{16}$"
	is "is there" "$(readlink -f "${SAID#d0: }")" "$(vof_disk d0)"
	ctl 0 "disconnect by it" disconnect "${SAID#d0: }"
	is "it is gone" "$(state d0)" none
done
# What the rule makes of it, for the disk and for a partition.
ctl 0 "connect" connect d0 "${at[@]}" -n com.example/disk0
disk=$(vof_disk d0)
check "a name in by-path" [ "$(readlink -f /dev/disk/by-path/vof-d0)" = "$disk" ]
vofctl show d0 -o json | tr -d '\n' >"$VOF_TMP/show"
like "show has both" "$(cat "$VOF_TMP/show")" '"by_id": .*'"$serial"'.*"by_path": .*by-path/vof-d0"'
check "as the schema has them" python3 "$VOF_TMP/hold.py" "$VOF_TMP/show"
db=/run/udev/data/b$(cat "/sys/block/${disk#/dev/}/dev")
is "and what it is" "$(sed -n 's/^E:ID_VOF_//p' "$db" | sort | xargs)" \
	"IVQN=com.example/host NAME=d0 TRANSPORT=tcp TVQN=com.example/disk0"
printf '%446s\0\0\0\0\203\0\0\0\100\0\0\0\0\2\0\0%48s\125\252' "" "" | tr ' ' '\0' >"$disk"
blockdev --rereadpt "$disk"
has_part() { [ "$(readlink -f /dev/disk/by-path/vof-d0-part1)" = "${disk}1" ]; }
check "a partition has one, too" until_done 30 has_part
ctl 0 "which is as good" disconnect /dev/disk/by-path/vof-d0-part1
is "it is gone" "$(state d0)" none
for ((i = 0; i < 30; i++)); do
	timeout 60 vofctl connect "d$i" "${at[@]}" -n "com.example/disk$i" >>"$VOF_TMP/said30" &
	[ $((i % 6)) != 5 ] || wait $!
done
wait_all() { [ "$(grep -c "^d[0-9]*: $serial" "$VOF_TMP/said30")" = 30 ]; }
check "thirty devices" until_done 30 wait_all
within 1 "a list of thirty" vofctl list
is "has thirty lines" "$(vofctl list | grep -c ' live ')" 30
is "in order" "$(vofctl list | sed -n '2p;12p' | cut -d ' ' -f 1 | xargs)" "d0 d10"
ctl 0 "disconnect all thirty" disconnect --all
is "nothing is left" "$(dirs)" ""
pkill -x systemd-udevd
finish
