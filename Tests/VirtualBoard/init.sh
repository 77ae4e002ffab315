#!/bin/bash
# Runs as process 1 of the virtual board: makes the hardware, starts a broker, a recorder and the agent, plays a small
# day (pulses, mains, weather, a frozen broker, a kill -9), tries the technician's command on good and bad wiring, and
# switches off. It judges nothing: everything it did and everything that was published goes to files in $OUT on the
# host, for check.py.
#
# From the kernel's command line: OUT, AGENT (path of cityedged, or `none`), COMMAND (path of cityedge, or `none`),
# CONFIG, MODULES, HERE (this folder).
#
# Time here jumps to the next timer whenever nothing runs (time-travel=inf-cpu), so waiting is free; but a loop that
# spins on the clock would never end: every wait below sleeps.
set -u
refuse() { echo "init.sh is for the virtual board only; start Tests/VirtualBoard/run" >&2; exit 64; }
[ $$ -eq 1 ] && [ -n "${OUT:-}" ] || refuse
mount -t proc proc /proc
grep -q 'User Mode Linux' /proc/cpuinfo || refuse
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
exec >"$OUT/guest.log" 2>&1

say() { echo "[$EPOCHREALTIME] $*"; }
# What was driven and found, as `key=value` lines.
note() { echo "$1=$2" >>"$OUT/driven"; say "$1=$2"; }
off() { sync; poweroff -f; }
fail() { note failed "$*"; off; }

# --- the machine -----------------------------------------------------------------------------------------------------
# The root is the host's file system: only tmpfs and $OUT are written.
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t configfs none /sys/kernel/config
mount -t debugfs none /sys/kernel/debug
ip link set lo up 2>/dev/null || ifconfig lo up
mkfifo /run/nap
exec 7<>/run/nap
# A sleep without a process: forking for each of thousands of edges is what would cost time here.
nap() { read -rt "$1" -u 7 || true; }

. "$HERE/hardware.sh"

# weather NAME SECONDS: sets it, leaves it for so long, and writes the kernel's values down with the time they held.
weather() {
    "$1"
    local from=$EPOCHREALTIME
    local temperature pressure humidity
    temperature=$(cat $iio/in_temp_input)
    pressure=$(cat $iio/in_pressure_input)
    humidity=$(cat $iio/in_humidityrelative_input)
    nap "$2"
    printf '{"weather":"%s","from":%s,"to":%s,"temperature_milli":%s,"pressure_kilo":%s,"humidity_milli":%s}\n' \
        "$1" "$from" "$EPOCHREALTIME" "$temperature" "$pressure" "$humidity" >>"$OUT/kernel"
}

# --- the board itself, before anybody is judged on it -----------------------------------------------------------------
# gpiomon's options changed between libgpiod 1 and 2.
gpiomon=(gpiomon --num-events=40 -c $chip 17)
if gpiomon --version | grep -q ' v1\.'; then gpiomon=(gpiomon --num-events=40 $chip 17); fi
# `GPIO17` followed by a consumer: somebody holds the line.
held() { grep -Eq "GPIO17 +\|[^ ]" /sys/kernel/debug/gpio; }
edge $water pull-up
"${gpiomon[@]}" >/run/edges &
await 5 held || fail "gpiomon did not get the line"
for _ in {1..20}; do pulse; done
seen_all() { [ "$(wc -l </run/edges)" -ge 40 ]; }
await 5 seen_all
kill $! 2>/dev/null; wait $! 2>/dev/null
note board_edges "$(wc -l </run/edges)"
note board_chip "$(i2cget -y 1 0x76 0xd0)"
note board_temperature "$(cat $iio/in_temp_input)"
note board_pressure "$(cat $iio/in_pressure_input)"
note board_humidity "$(cat $iio/in_humidityrelative_input)"

# --- broker and recorder ----------------------------------------------------------------------------------------------
cat >/run/mosquitto.conf <<-'END'
	listener 1883 127.0.0.1
	allow_anonymous true
	user root
	max_queued_messages 0
END
mosquitto -c /run/mosquitto.conf >"$OUT/mosquitto.log" 2>&1 &
broker=$!
listens() { (exec 5<>/dev/tcp/127.0.0.1/1883) 2>/dev/null; }
await 10 listens || fail "mosquitto does not listen"
# -k: the recorder must outlive the frozen broker. %j is one JSON line a message, with topic, QoS and retain flag.
mosquitto_sub -h 127.0.0.1 -V mqttv5 -i recorder -k 3600 -q 1 -t 'cityedge/v1/#' -t 'board/#' -F %j >"$OUT/messages" &
recorder=$!
recorded() { [ "$(grep -c "$1" "$OUT/messages")" -ge "$2" ]; }
heard() { mosquitto_pub -h 127.0.0.1 -t board/test -m heard && grep -q heard "$OUT/messages"; }
await 10 heard || fail "the recorder hears nothing"
note board_recorder heard

if [ "$AGENT" = none ]; then note end board; off; fi

# --- the agent --------------------------------------------------------------------------------------------------------
# systemd's names for the folders; both on tmpfs here.
export RUNTIME_DIRECTORY=/run/cityedge STATE_DIRECTORY=/run/state
mkdir -p $RUNTIME_DIRECTORY $STATE_DIRECTORY
if [ "$COMMAND" != none ]; then
    "$COMMAND" validate "$CONFIG" >"$OUT/validate.log" 2>&1
    note validate_exit $?
fi
# read_once CASE CONFIG [SENSOR]: what the technician's command prints goes to read.CASE.
read_once() {
    [ "$COMMAND" != none ] || return
    "$COMMAND" read "${@:3}" --config "$2" >"$OUT/read.$1" 2>&1
    note "read_$1" $?
}
start() {
    "$AGENT" --config "$CONFIG" >>"$OUT/agent.log" 2>&1 &
    agent=$!
}
# Ready when it holds its lines and an `online` status went through the broker.
statuses=0
ready() { held && recorded '/status".*online' $((statuses + 1)); }
last_words() { tail -n 3 "$OUT/agent.log" | tr '\n' ' '; }
# await_ready SECONDS WHEN; a dead agent ends the run at once.
await_ready() {
    local tries=$(($1 * 10))
    until ready; do
        kill -0 $agent 2>/dev/null || { wait $agent; fail "the agent ended $2, exit $?: $(last_words)"; }
        [ $((tries -= 1)) -gt 0 ] || fail "the agent is not ready $2: $(last_words)"
        nap 0.1
    done
}
# Counts what is there now: the will says `offline`, a start says `online`.
count_statuses() { statuses=$(grep -c '/status".*online' "$OUT/messages"); }

edge $mains pull-down           # active low: the mains are there
states=1
set_mains() {                   # set_mains 1|0 SECONDS
    if [ "$1" = 1 ]; then edge $mains pull-down; else edge $mains pull-up; fi
    states+=",$1"
    nap "$2"
}
pulses=0
count() { local i; for ((i = 0; i < $1; i++)); do pulse; done; pulses=$((pulses + $1)); }

read_once good "$CONFIG"

start
await_ready 20 "after its start"
retained() {
    mosquitto_sub -h 127.0.0.1 -i "late-$1" -q 1 -t 'cityedge/v1/#' --retained-only -W 3 -F %j >"$OUT/retained.$1"
}
retained online
nap 2

count 150; set_mains 0 1.3; count 50; set_mains 1 2.1
count 150; set_mains 0 0.2; set_mains 1 0.3             # shorter than any polling would see
weather spring 5
count 100

# The broker freezes (its connections stay), so what the agent seals now cannot be acknowledged; then kill -9.
# Pulses rest around it: an edge while nobody listens is nobody's to count. What was counted is given 2.5 s: a reading
# is taken every second and its batch sealed a second later; more is not promised.
kill -STOP $broker
count 50
nap 2.5
kill -KILL $agent
wait $agent 2>/dev/null
note kill_at_pulse $pulses
note killed_at "$EPOCHREALTIME"
count_statuses
start
nap 1
kill -CONT $broker
await_ready 60 "after kill -9"
note ready_again_at "$EPOCHREALTIME"

count 200; set_mains 0 3; weather winter 5; set_mains 1 1.1
count 300
weather summer 5
nap 4                           # the last second's readings arrive before the end

# An orderly end.
began=$EPOCHREALTIME
kill -TERM $agent
wait $agent
note stop_exit $?
note stop_began "$began"
note stop_ended "$EPOCHREALTIME"
nap 2
retained offline
note pulses $pulses
note litres_per_pulse 10
note mains $states

# --- wiring that is wrong ---------------------------------------------------------------------------------------------
# The agent as another node, its line held by another program for a while and its chip by the kernel all the time.
sed 's/id: virtual-board/id: bad-wiring/; s/address: 0x76/address: 0x77/' "$CONFIG" >/run/bad.yaml
"${gpiomon[@]}" >/run/edges &
holder=$!
await 5 held || fail "gpiomon did not get the line again"
RUNTIME_DIRECTORY=/run/bad STATE_DIRECTORY=/run/bad-state "$AGENT" --config /run/bad.yaml >"$OUT/agent.bad.log" 2>&1 &
agent=$!
nap 10
kill $holder; wait $holder 2>/dev/null
retaken() { grep -q 'GPIO17 *|cityedge' /sys/kernel/debug/gpio; }
await 10 retaken || note failed "the agent did not take the line when it was free"
count 20
nap 4
kill -TERM $agent
wait $agent
note bad_stop_exit $?
nap 1
kill $recorder $broker
wait

if [ "$COMMAND" != none ]; then
    "${gpiomon[@]}" >/run/edges &
    await 5 held || fail "gpiomon did not get the line again"
    read_once taken "$CONFIG" water
    kill $!; wait $! 2>/dev/null

    sed 's/address: 0x76/address: 0x77/' "$CONFIG" >/run/held.yaml
    read_once held /run/held.yaml air
    sed 's/device: bme280/device: bmp380/' "$CONFIG" >/run/no-device.yaml
    read_once no_device /run/no-device.yaml judge

    i2cset -y "$stub" 0x76 0xd0 0x58                     # a BMP280, sold as a BME280
    read_once other_chip "$CONFIG" air
    plug_chips 0x77
    read_once no_chip "$CONFIG" air
    rmmod i2c_stub
    read_once no_bus "$CONFIG" air
    read_once part "$CONFIG"                             # two good sensors beside two that are not there
fi
note end agent
off
