"""What every I2C chip of the catalogue must say on the virtual board: of the surroundings, and beside the kernel's own
driver.

A chip's channels by name, each with its truth (from the surroundings), the chip's resolution in the channel's unit, and
where the kernel tells the same. `within` is how far our value may be from the truth, where that is not the resolution.
"""
import re

WORLDS = {
    "spring": dict(
        celsius=21.4, pascal=101_325, percent=48, carbonDioxidePPM=612, vocIndex=100, noxIndex=1, gasOhm=120_000,
        pm1=5, pm2_5=8, pm4=9.5, pm10=11, gasPPB=40, objectCelsius=37.2, lux=540, uvIndex=3.2, soundDecibel=54.6,
        volts=[1.2, -0.35, 2.048, 0.02], amperes=[0.75, -0.12, 1.5, 0.004], inputs=0b0101_1010_0000_1111,
        waterCelsius=12.3, acidityPH=7.42, microsiemensPerCentimetre=1_413, dissolvedOxygenMilligramsPerLitre=8.31,
        redoxMillivolts=-112.4, soilMoisture=0.42, soilCelsius=9.8, distanceMetres=1.87,
        acceleration=[0.31, -0.62, 9.81]),
    "winter": dict(
        celsius=-9.3, pascal=98_700, percent=91, carbonDioxidePPM=431, vocIndex=57, noxIndex=12, gasOhm=31_000,
        pm1=18.2, pm2_5=33.3, pm4=38.1, pm10=41.7, gasPPB=88, objectCelsius=-20.6, lux=3.7, uvIndex=0.1,
        soundDecibel=38.2, volts=[-1.7, 0.8, 0.004, 1.999], amperes=[-0.61, 0.02, 0.3, -0.9],
        inputs=0b1010_0101_1111_0000, waterCelsius=0.4, acidityPH=6.08, microsiemensPerCentimetre=287,
        dissolvedOxygenMilligramsPerLitre=13.9, redoxMillivolts=231.7, soilMoisture=0.83, soilCelsius=-1.6,
        distanceMetres=0.54, acceleration=[-9.7, 1.2, -0.4]),
    "summer": dict(
        celsius=38.9, pascal=104_100, percent=17, carbonDioxidePPM=1_893, vocIndex=341, noxIndex=77, gasOhm=410_000,
        pm1=61.5, pm2_5=127.4, pm4=164.3, pm10=201.8, gasPPB=12, objectCelsius=64.9, lux=19_400, uvIndex=9.4,
        soundDecibel=93.8, volts=[0.031, 1.55, -0.9, 0.6], amperes=[0.088, 1.1, -0.44, 0.06],
        inputs=0b0000_0001_1000_0000, waterCelsius=27.9, acidityPH=9.15, microsiemensPerCentimetre=52_800,
        dissolvedOxygenMilligramsPerLitre=5.02, redoxMillivolts=0.6, soilMoisture=0.07, soilCelsius=24.1,
        distanceMetres=1.21, acceleration=[2.2, 9.1, 3.3]),
}


class Channel:
    """`truth`: the name of a physical value of the surroundings, or a function of the world. `part`: a resolution that
    grows with the value, as a fraction of it. `kernels`: what the kernel's arithmetic loses beside that, as a fraction.
    `not_yet`: what the first reading after a start says instead of a value."""

    def __init__(self, truth, resolution, kernel=None, within=None, part=0.0, kernels=0.0, not_yet=None):
        self.truth = truth if callable(truth) else lambda world: world[truth]
        self.resolution, self.part, self.kernels, self.kernel = resolution, part, kernels, kernel
        self.within, self.not_yet = resolution if within is None else within, not_yet

    def agrees(self, ours, kernels):
        return abs(ours - kernels) <= max(self.resolution, (self.part + self.kernels) * abs(ours)) * 1.000001

    def is_true(self, ours, world):
        if isinstance(ours, str):
            return ours == self.not_yet
        truth = self.truth(world)
        return abs(ours - truth) <= max(self.within, self.part * abs(truth)) * 1.000001


class Chip:
    """`device`: what the kernel calls it; `setup`: its files to write first; `settings`: ours, in the config. `driver`:
    ours, where the chip is not the one that goes by its name."""

    def __init__(self, device=None, setup=None, settings=None, channels=None, driver=None, **more):
        self.device, self.setup, self.settings, self.driver = device, setup or {}, settings or {}, driver
        self.channels = {**(channels or {}), **more}

    @property
    def files(self):
        return sorted({file for channel in self.channels.values() if channel.kernel for file in channel.kernel.files})


class Attribute:
    """A value of an IIO or hwmon device, times `factor` in our unit: `X_input`, else (`X_raw` + offset) · scale, with
    scale and offset of the channel or of all its kind. `then`: what the kernel leaves to its readers."""

    def __init__(self, base, factor=1.0, then=lambda value: value):
        self.base, self.factor, self.then = base, factor, then
        # in_temp_ambient → in_temp; in_voltage0 → in_voltage
        self.bases = [base]
        while (shorter := re.sub(r"(\d+|_[a-z]+\d*|\d+-[a-z]+\d+)$", "", self.bases[-1])) not in ("in", self.bases[-1]):
            self.bases.append(shorter)
        self.files = [f"{base}_input", f"{base}_raw"] + [
            f"{base}_{what}" for base in self.bases for what in ("scale", "offset")]

    def value(self, found):
        """Found: file → text. Raises ValueError with what stands there instead of a number."""
        def number(file):
            try:
                return float(found.get(file, "not read"))
            except ValueError:
                return None

        def shared(what, fallback):
            return next((value for base in self.bases if (value := number(f"{base}_{what}")) is not None), fallback)

        if (value := number(f"{self.base}_input")) is None:
            if (raw := number(f"{self.base}_raw")) is None:
                said = [found[file] for file in ("", f"{self.base}_input", f"{self.base}_raw") if file in found]
                raise ValueError(next((text for text in said if not text.startswith("No such")), said[0]))
            value = (raw + shared("offset", 0)) * shared("scale", 1)
        return self.then(value * self.factor)


class Level:
    """One line of the GPIO chip that an expander is to the kernel."""

    def __init__(self, offset):
        self.file = f"line{offset}"
        self.files = [self.file]

    def value(self, found):
        try:
            return int(found[self.file])
        except (KeyError, ValueError):
            raise ValueError(found.get("") or found.get(self.file)) from None


MILLI, KILO = 1e-3, 1e3


def celsius(resolution, kernel=None, **more):
    return Channel("celsius", resolution, kernel, **more)


def percent(resolution, kernel=None, **more):
    return Channel("percent", resolution, kernel, **more)


def inputs(names):
    return {name: Channel(lambda world, bit=bit: world["inputs"] >> bit & 1, 0, Level(bit))
            for bit, name in enumerate(names)}


def element(name, index):
    return lambda world: world[name][index]


def supply(index):
    """No supply's voltage is below ground."""
    return lambda world: max(0, world["volts"][index])


def supply_power(index):
    return lambda world: max(0, world["volts"][index]) * world["amperes"][index]


def straight_veml7700(lux):
    """Vishay's application note 84323, "calculating the lux level": the sensor is not linear above 100 lx."""
    return 6.0135e-13 * lux**4 - 9.3924e-9 * lux**3 + 8.1488e-5 * lux**2 + 1.0023 * lux


def particles(resolution, kernel=None, sizes=("1", "2.5", "4", "10")):
    names = [(f"pm{size.replace('.', '_')}", size.replace(".", "p")) for size in sizes]
    return {name: Channel(name, resolution, kernel and Attribute(f"in_massconcentration_pm{kernels}"))
            for name, kernels in names}


IIO_TEMPERATURE, IIO_HUMIDITY = Attribute("in_temp", MILLI), Attribute("in_humidityrelative", MILLI)
HWMON_TEMPERATURE, HWMON_HUMIDITY = Attribute("temp1", MILLI), Attribute("humidity1", MILLI)

# Resolutions are the datasheets', or our hundredth where the chip is finer and the kernel's truncated thousandth makes
# no difference.
CHIPS = {
    # 20 bits of raw pressure are 0.18 Pa, 16 of humidity about 0.01 % (BST-BME280-DS002).
    "bme280": Chip(
        "bme280", temperature=celsius(0.01, IIO_TEMPERATURE), humidity=percent(0.02, IIO_HUMIDITY),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO))),
    "bme280-negative": Chip(
        "bme280", driver="bme280", temperature=celsius(0.01, IIO_TEMPERATURE), humidity=percent(0.02, IIO_HUMIDITY),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO))),
    "bmp280": Chip(
        "bmp280", temperature=celsius(0.01, IIO_TEMPERATURE),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO))),
    # The kernel's pressure comes of 32-bit arithmetic in which one factor has 16 bits, and its humidity is as coarse.
    # Its gas resistance leaves out the ranges' own constants (up to 0.8 %), and the sign of the range switching error.
    "bme680": Chip(
        "bme680", temperature=celsius(0.01, IIO_TEMPERATURE),
        humidity=percent(0.04, Attribute("in_humidityrelative"), within=0.01),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO), kernels=8e-5),
        gas_resistance=Channel("gasOhm", 50, Attribute("in_resistance"), part=0.001, kernels=0.012)),
    "bmp388": Chip(
        "bmp380", temperature=celsius(0.01, IIO_TEMPERATURE),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO))),
    "sht3x": Chip("sht3x", temperature=celsius(0.01, HWMON_TEMPERATURE), humidity=percent(0.01, HWMON_HUMIDITY)),
    "sht4x": Chip("sht4x", temperature=celsius(0.01, HWMON_TEMPERATURE), humidity=percent(0.01, HWMON_HUMIDITY)),
    # The kernel's driver was written for the AHT10, which answers alike; it drops what is below 0.01.
    "aht20": Chip("aht10", temperature=celsius(0.01, HWMON_TEMPERATURE), humidity=percent(0.01, HWMON_HUMIDITY)),
    # 14 bits of temperature, 12 of humidity.
    "si7021": Chip("si7020", temperature=celsius(0.011, IIO_TEMPERATURE), humidity=percent(0.031, IIO_HUMIDITY)),
    "tmp117": Chip("tmp117", temperature=celsius(0.0079, IIO_TEMPERATURE)),
    # A thermometer of the JC 42.4 standard with a finer step.
    "mcp9808": Chip("jc42", temperature=celsius(0.0625, HWMON_TEMPERATURE)),
    "lm75": Chip("lm75", temperature=celsius(0.5, HWMON_TEMPERATURE)),
    "tmp75": Chip(
        "tmp75", driver="lm75", settings=dict(resolution=12), temperature=celsius(0.0625, HWMON_TEMPERATURE)),
    "mlx90614": Chip(
        "mlx90614", ambient_temperature=celsius(0.02, Attribute("in_temp_ambient", MILLI)),
        object_temperature=Channel("objectCelsius", 0.02, Attribute("in_temp_object", MILLI))),
    # AIN0 to AIN3 against ground; the step at 4.096 V.
    "ads1115": Chip(
        "ads1115", setup={f"in_voltage{index}_scale": "0.125" for index in range(4)},
        channels={f"voltage_{index}": Channel(element("volts", index), 0.000125, Attribute(f"in_voltage{index}", MILLI))
                  for index in range(4)}),
    # On the certificate of the simulated cell; a step of the converter is 0.4 ppb.
    "electrochemical": Chip(
        settings=dict(cell="no2-b43f", we_electronic_zero="295 mV", ae_electronic_zero="282 mV",
                      we_sensor_zero="-4 mV", ae_sensor_zero="4 mV", sensitivity=0.309, temperature_input="ain2"),
        no2=Channel("gasPPB", 0.5), temperature=celsius(0.0125)),
    # The kernel reads in high-resolution mode: 1.2 counts a lux.
    # 18 bits at 2.048 V.
    "mcp3421": Chip(
        "mcp3421", setup={"in_voltage_sampling_frequency": "3"},
        voltage=Channel(element("volts", 0), 0.000016, Attribute("in_voltage0"))),
    # The simulated shunts have 0.1 Ohm; the kernel is told so in micro-ohms, and rounds to thousandths.
    "ina219": Chip(
        "ina219", setup={"shunt_resistor": "100000"}, settings=dict(shunt="100 mOhm", max_current="3.2 A"),
        voltage=Channel(supply(0), 0.004, Attribute("in1", MILLI)),
        current=Channel(element("amperes", 0), 0.001, Attribute("curr1", MILLI)),
        power=Channel(supply_power(0), 0.004, Attribute("power1", MILLI * MILLI))),
    "ina226": Chip(
        "ina226", setup={"shunt_resistor": "100000"}, settings=dict(shunt="100 mOhm", max_current="0.8 A"),
        voltage=Channel(supply(0), 0.00125, Attribute("in1", MILLI)),
        current=Channel(element("amperes", 0), 0.001, Attribute("curr1", MILLI)),
        power=Channel(supply_power(0), 0.002, Attribute("power1", MILLI * MILLI))),
    "ina3221": Chip(
        "ina3221", setup={f"shunt{number}_resistor": "100000" for number in (1, 2, 3)}, settings=dict(shunt="100 mOhm"),
        channels={f"voltage_{number}": Channel(supply(number - 1), 0.008, Attribute(f"in{number}", MILLI))
                  for number in (1, 2, 3)}
        | {f"current_{number}": Channel(element("amperes", number - 1), 0.001, Attribute(f"curr{number}", MILLI))
           for number in (1, 2, 3)}
        | {f"power_{number}": Channel(supply_power(number - 1), 0.012) for number in (1, 2, 3)}),
    "scd30": Chip(
        "scd30", temperature=celsius(0.01, IIO_TEMPERATURE), humidity=percent(0.01, IIO_HUMIDITY),
        co2=Channel("carbonDioxidePPM", 1, Attribute("in_concentration_co2", 1e4))),
    "scd4x": Chip(
        "scd41", temperature=celsius(0.01, IIO_TEMPERATURE), humidity=percent(0.01, IIO_HUMIDITY),
        co2=Channel("carbonDioxidePPM", 1, Attribute("in_concentration_co2", 1e4))),
    # Told of 50 % and 25 degrees by both; the simulated chip's signal falls with what it was not told of.
    "sgp40": Chip(
        "sgp40", voc_raw=Channel(lambda world: 20_000 + world["gasOhm"] / 10 + (50 - world["percent"]) * 20, 1,
                                 Attribute("in_resistance"))),
    "sps30": Chip("sps30", channels=particles(0.1, kernel=True)),
    # The index of nitrogen oxides is unknown for ten seconds after a start.
    "sen5x": Chip(
        settings=dict(model="sen55"), temperature=celsius(0.01), humidity=percent(0.01),
        voc_index=Channel("vocIndex", 0.1), nox_index=Channel("noxIndex", 0.1, not_yet="bad: not available"),
        channels=particles(0.1)),
    "pmsa003i": Chip(channels=particles(1, sizes=("1", "2.5", "10"))),
    "ltr390": Chip(illuminance=Channel("lux", 0.01, part=0.01), uv_index=Channel("uvIndex", 0.01)),
    "ezo": Chip(settings=dict(model="ph"), ph=Channel("acidityPH", 0.001)),
    # Four digits, in S/m; mg/l are g/m3.
    "ezo-ec": Chip(
        driver="ezo", settings=dict(model="ec"),
        conductivity=Channel(lambda world: world["microsiemensPerCentimetre"] * 1e-4, 1e-6, part=1e-3)),
    "ezo-do": Chip(
        driver="ezo", settings=dict(model="do"),
        dissolved_oxygen=Channel(lambda world: world["dissolvedOxygenMilligramsPerLitre"] * 1e-3, 1e-5)),
    "ezo-orp": Chip(
        driver="ezo", settings=dict(model="orp"), redox=Channel(lambda world: world["redoxMillivolts"] * 1e-3, 1e-4)),
    "ezo-rtd": Chip(driver="ezo", settings=dict(model="rtd"), temperature=Channel("waterCelsius", 0.001)),
    # 1800 counts from dry to wet.
    "seesaw-soil": Chip(
        moisture=Channel(lambda world: world["soilMoisture"] * 100, 0.1), temperature=Channel("soilCelsius", 0.1),
        moisture_raw=Channel(lambda world: 200 + 1_800 * world["soilMoisture"], 1)),
    "bh1750": Chip("bh1750", illuminance=Channel("lux", 0.84, Attribute("in_illuminance"))),
    # The kernel divides by whole counts a lux: by 1 with these settings, not by 1.23 (500 ms, gain 1, 408 ms and lux a
    # count). A count is 0.82 lx, and in the dark the lux of two channels of a few counts are what they are.
    "tsl2591": Chip(
        "tsl2591", setup={"integration_time": "5", "calibscale": "1"},
        illuminance=Channel("lux", 1.2, Attribute("in_illuminance", 408 / 500), within=0.05, part=2e-4, kernels=2e-3)),
    # The VEML7700 is a VEML6030 in another housing: gain 1/8 and 100 ms are 0.5376 lx a count.
    "veml7700": Chip(
        "veml6030",
        illuminance=Channel("lux", 0.54, Attribute("in_illuminance", then=straight_veml7700), within=0.05, part=2e-4)),
    # Without its interrupt the kernel's driver waits so short that only near objects have been ranged.
    "maxsonar-i2c": Chip(
        "maxbotix-mb1232", distance=Channel("distanceMetres", 0.01, Attribute("in_distance"))),
    # Nothing vibrates here: the means are the acceleration. At 2 g a step is 1 mg; the kernel's driver leaves the chip
    # in normal mode, in which it is 4 mg.
    "lis3dh": Chip(
        "lis3dh",
        channels={f"{what}_{axis}": Channel(lambda world: 0, 0.0098) for axis in "xyz" for what in ("rms", "peak")}
        | {f"mean_{axis}": Channel(element("acceleration", index), 0.0393, Attribute(f"in_accel_{axis}"), within=0.0099)
           for index, axis in enumerate("xyz")}),
    "decibel-i2c": Chip(channels={name: Channel("soundDecibel", 1) for name in ("level", "level_min", "level_max")}),
    "pcf8574": Chip("pcf8574", channels=inputs([f"p{bit}" for bit in range(8)])),
    "mcp23017": Chip("mcp23017", channels=inputs([f"{port}{bit}" for port in "ab" for bit in range(8)])),
}

# Chips of which all ones are a measurement like any other.
ANONYMOUS = {"lm75", "tmp75", "pcf8574"}
