"""What every I2C chip of the catalogue must say on the virtual board: of the surroundings, and beside the kernel's own
driver.

A chip's channels by name, each with its truth (from the surroundings), the chip's resolution in the channel's unit, and
where the kernel tells the same. `within` is how far our value may be from the truth, where that is not the resolution.
"""
import math
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
        celsius=-12.3, pascal=98_700, percent=91, carbonDioxidePPM=431, vocIndex=57, noxIndex=12, gasOhm=31_000,
        pm1=18.2, pm2_5=33.3, pm4=38.1, pm10=41.7, gasPPB=88, objectCelsius=-20.6, lux=3.7, uvIndex=0.1,
        soundDecibel=38.2, volts=[-1.7, 0.8, 0.004, 1.999], amperes=[-1.25, 0.02, 0.3, -0.9],
        inputs=0b1010_0101_1111_0000, waterCelsius=0.4, acidityPH=6.08, microsiemensPerCentimetre=287,
        dissolvedOxygenMilligramsPerLitre=13.9, redoxMillivolts=231.7, soilMoisture=0.83, soilCelsius=-1.6,
        distanceMetres=0.54, acceleration=[-9.7, 1.2, -0.4]),
    "summer": dict(
        celsius=38.9, pascal=104_100, percent=17, carbonDioxidePPM=1_893, vocIndex=341, noxIndex=77, gasOhm=410_000,
        pm1=61.5, pm2_5=127.4, pm4=164.3, pm10=201.8, gasPPB=12, objectCelsius=64.9, lux=31_200, uvIndex=9.4,
        soundDecibel=93.8, volts=[0.031, 1.55, -0.9, 0.6], amperes=[2.31, 1.1, -0.44, 0.06],
        inputs=0b0000_0001_1000_0000, waterCelsius=27.9, acidityPH=9.15, microsiemensPerCentimetre=52_800,
        dissolvedOxygenMilligramsPerLitre=5.02, redoxMillivolts=0.6, soilMoisture=0.07, soilCelsius=24.1,
        distanceMetres=4.21, acceleration=[2.2, 9.1, 3.3]),
}


class Channel:
    """`truth`: the name of a physical value of the surroundings, or a function of the world."""

    def __init__(self, truth, resolution, kernel=None, within=None):
        self.truth = truth if callable(truth) else lambda world: world[truth]
        self.resolution, self.kernel = resolution, kernel
        self.within = within or resolution


class Chip:
    """`device`: what the kernel calls it; `setup`: its files to write first; `settings`: ours, in the config."""

    def __init__(self, device=None, setup=None, settings=None, **channels):
        self.device, self.setup, self.settings = device, setup or {}, settings or {}
        self.channels = channels

    @property
    def files(self):
        return sorted({file for channel in self.channels.values() if channel.kernel for file in channel.kernel.files})


class Attribute:
    """A value of an IIO or hwmon device, times `factor` in our unit: `X_input`, else (`X_raw` + offset) · scale, with
    scale and offset of the channel or of all its kind."""

    def __init__(self, base, factor=1.0):
        self.base, self.factor = base, factor
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
        return value * self.factor


class Levels:
    """The lines of an expander, as one number."""

    def __init__(self, count):
        self.files = [f"line{index}" for index in range(count)]

    def value(self, found):
        try:
            return sum(int(found[file]) << index for index, file in enumerate(self.files))
        except (KeyError, ValueError):
            raise ValueError(found.get("") or found.get("line0")) from None


MILLI, KILO = 1e-3, 1e3

CHIPS = {
    # Bosch: the resolution of the compensated values (datasheet 1.6, section 4.2.3: 0.01 degrees, 1/256 Pa, 1/1024 %);
    # 20 bits of raw pressure are 0.18 Pa, 16 of humidity about 0.01 %.
    "bme280": Chip(
        "bme280",
        temperature=Channel("celsius", 0.01, Attribute("in_temp", MILLI)),
        pressure=Channel("pascal", 1, Attribute("in_pressure", KILO)),
        humidity=Channel("percent", 0.02, Attribute("in_humidityrelative", MILLI))),
}
