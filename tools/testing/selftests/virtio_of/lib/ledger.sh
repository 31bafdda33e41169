# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Data that must outlast whatever a test does: a file system with files that are
# noted elsewhere, and a disk that is written in passes.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

# ledger DIRECTORY: in the background, until ledger_ends: files are written below
# DIRECTORY by three writers, new ones and old ones again. What fsync has returned
# for is noted, with its checksum, in a file that is not there: that it is lost later
# cannot be overlooked.
LEDGER=$VOF_TMP/ledger
ledger()
{
	local w
	rm -f "$LEDGER".*
	: >"$LEDGER"
	ledger_pids=()
	for w in a b c; do
		ledger_writer "$1" $w &
		ledger_pids+=($!)
	done
}

ledger_writer()
{
	local name sum
	while [ ! -e "$LEDGER.stop" ]; do
		name=$2$((RANDOM % 40))
		dd if=/dev/urandom of="$LEDGER.new-$2" bs=$((RANDOM + 1)) \
			count=$((RANDOM % 3 + 1)) 2>/dev/null
		sum=$(sha256sum <"$LEDGER.new-$2")
		if dd if="$LEDGER.new-$2" of="$1/$name" bs=16k conv=fsync \
			2>>"$LEDGER.out"; then
			echo "${sum%% *}  $name" >>"$LEDGER"
		else
			echo "$name: cannot be written" >>"$LEDGER.bad"
		fi
	done
}

# ledger_ends WHAT: within 60 s, and no write has failed.
ledger_ends()
{
	local i=0 pid
	: >"$LEDGER.stop"
	for pid in "${ledger_pids[@]}"; do
		for ((; i < 600; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		if kill -KILL "$pid" 2>/dev/null; then
			not_ok "$1: a writer of files does not end"
		fi
		wait "$pid"
	done
	check_not "$1: none of $(wc -l <"$LEDGER") fsyncs has failed" \
		[ -e "$LEDGER.bad" ] || tail -n 5 "$LEDGER.out" | note
}

# ledger_check WHAT DIRECTORY: every file is as it was when it was written last.
ledger_check()
{
	tac "$LEDGER" | sort -s -u -k 2,2 >"$LEDGER.last"
	check "$1: $(wc -l <"$LEDGER.last") files are as they were written" \
		bash -c "cd '$2' && sha256sum --quiet -c '$LEDGER.last'"
}

# passes DISK: in the background, until passes_end: writes every block of DISK once,
# reads it back, and begins anew. The number of the pass and the block's place are all
# over it: a block that is older than its pass is found as well, which fio's own
# checksums do not do.
passes()
{
	rm -f "$VOF_TMP"/passes.*
	(
		trap - EXIT
		n=0
		while [ ! -e "$VOF_TMP/passes.stop" ]; do
			n=$((n + 1))
			one_pass "$1" $n 0 || exit 1
			echo $n >"$VOF_TMP/passes.done"
			one_pass "$1" $n 1 || exit 1
		done
	) &
	PASSES=$!
}

# one_pass DISK PASS ONLY: ONLY is 1 to compare, 0 to write.
one_pass()
{
	fio --name=pass --filename="$1" --rw=randwrite --bs=16k --size=24m \
		--randseed="$2" --verify=pattern --verify_pattern="\"pass$2\"%o" \
		--verify_only="$3" --do_verify="$3" --verify_fatal=1 \
		--verify_state_save=0 --iodepth=4 --ioengine=libaio --direct=1 \
		--thread >"$VOF_TMP/passes.out" 2>&1
}

# passes_end WHAT: within 120 s, and without an error.
passes_end()
{
	local i
	: >"$VOF_TMP/passes.stop"
	for ((i = 0; i < 1200; i++)); do
		kill -0 "$PASSES" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: the passes have ended" kill -0 "$PASSES" || kill -KILL "$PASSES"
	wait "$PASSES"
	is "$1: $(cat "$VOF_TMP/passes.done") passes without an error" $? 0 ||
		tail -n 20 "$VOF_TMP/passes.out" | note
}

# passes_check WHAT DISK: what the last pass has written is there.
passes_check()
{
	check "$1: the last pass is there" \
		one_pass "$2" "$(cat "$VOF_TMP/passes.done")" 1 ||
		tail -n 20 "$VOF_TMP/passes.out" | note
}
