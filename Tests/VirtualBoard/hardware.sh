# The hardware of a Raspberry Pi 4 as far as the tests need it, made of the kernel's own simulators. Sourced, as root,
# inside the virtual board; wants $MODULES, and `fail` and `nap` from whoever sources it.

# await SECONDS COMMAND...: until it succeeds.
await() {
    local tries=$(($1 * 20)) ; shift
    while [ $tries -gt 0 ]; do
        "$@" && return 0
        nap 0.05
        tries=$((tries - 1))
    done
    return 1
}

# --- GPIO: the bank of a Raspberry Pi 4 ------------------------------------------------------------------------------
bank=/sys/kernel/config/gpio-sim/board/bank0
mkdir -p "$bank" || fail "gpio-sim is not in this kernel"
echo 54 >$bank/num_lines
echo pinctrl-bcm2711 >$bank/label
for line in {0..27}; do
    mkdir $bank/line$line
    echo "GPIO$line" >$bank/line$line/name
done
echo 1 >/sys/kernel/config/gpio-sim/board/live
chip=$(cat $bank/chip_name)
lines=/sys/devices/platform/$(cat /sys/kernel/config/gpio-sim/board/dev_name)/$chip
water=$lines/sim_gpio17/pull
mains=$lines/sim_gpio27/pull

edge() { echo "$2" >"$1"; }
# A closing reed contact pulls the line down. The kernel delivers at most one edge per line and tick (10 ms), and its
# debounce rounds up to a tick: 40 ms stay clear of both.
pulse() { edge $water pull-down; nap 0.04; edge $water pull-up; nap 0.04; }

# --- I2C: a bus with two BME280 of the same registers, one for us, one for the kernel ---------------------------------
# The kernel's driver holds its address, so each gets a chip of its own.
insmod "$MODULES/i2c-stub.ko" chip_addr=0x76,0x77 || fail "i2c-stub did not load"
# plug_chips ADDRESSES: all chips away, blank ones at these addresses instead, and no kernel driver for any.
plug_chips() { rmmod i2c_stub && insmod "$MODULES/i2c-stub.ko" chip_addr="$1" || fail "i2c-stub did not load again"; }
stub=
for adapter in /sys/bus/i2c/devices/i2c-*; do
    grep -q 'SMBus stub' "$adapter/name" && stub=${adapter##*/i2c-}
done
[ -n "$stub" ] || fail "i2c-stub made no bus"
# It gets the first free number, 0; the header's bus of a Raspberry Pi is number 1.
[ -e /dev/i2c-1 ] || ln -s "i2c-$stub" /dev/i2c-1

# set_chip REGISTER BYTES...: both chips, in one transfer each, so that no reader sees half of it.
# -f: 0x77 belongs to the kernel's driver once that is bound.
set_chip() {
    local register=$1 ; shift
    i2cset -f -y "$stub" 0x76 "$register" "$@" i && i2cset -f -y "$stub" 0x77 "$register" "$@" i || fail "i2cset $register"
}
i2cset -y "$stub" 0x76 0xd0 0x60
i2cset -y "$stub" 0x77 0xd0 0x60
# Calibration with every sign that a driver can get wrong: T3, P2, P6 and P8 < 0, H3 > 127, and H4 = -20, H5 = -37
# (12 bits each, sharing a byte), H6 = -25.
set_chip 0x88 0x70 0x6b 0x43 0x67 0x18 0xfc 0x7d 0x8e 0x43 0xd6 0xd0 0x0b \
    0x27 0x0b 0x8c 0x00 0xf9 0xff 0x8c 0x3c 0xf8 0xc6 0x70 0x17
i2cset -y "$stub" 0x76 0xa1 0x4b
i2cset -y "$stub" 0x77 0xa1 0x4b
set_chip 0xe1 0x6a 0x01 0xc8 0xfe 0xbc 0xfd 0xe7

# Raw pressure, temperature, humidity, by the data sheet's floating point formulas:
spring() { set_chip 0xf7 0x63 0x98 0x10 0x7c 0x0f 0x00 0x1d 0x5b; }        # 21.401 degrees, 101324.5 Pa, 47.999 %RH
winter() { set_chip 0xf7 0x5f 0xbd 0x40 0x61 0xec 0x40 0x3b 0x86; }        # -12.299 degrees, 98699.5 Pa, 91.000 %RH
summer() { set_chip 0xf7 0x63 0x8a 0x90 0x89 0xb6 0x00 0x02 0xfc; }        # 38.901 degrees, 104099.6 Pa, 11.999 %RH

spring
echo bme280 0x77 >/sys/bus/i2c/devices/i2c-$stub/new_device
iio=
find_iio() {
    local device
    for device in /sys/bus/iio/devices/iio:device*; do
        [ "$(cat "$device/name" 2>/dev/null)" = bme280 ] && iio=$device && return 0
    done
    return 1
}
await 5 find_iio || fail "the kernel's bmp280 driver did not bind"
