"""Schedule texts as clients of the reference send them, from a seed: three of four by its library's documented grammar, the
rest broken or bent in the ways that people and programs do it."""

import random

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
FULL_MONTHS = "january february march april may june july august september october november december".split()
DAYS = "sun mon tue wed thu fri sat".split()
FULL_DAYS = "sunday monday tuesday wednesday thursday friday saturday".split()
BOUNDS = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}
FIVE = ["minute", "hour", "day", "month", "weekday"]
# None that ends within the years in which this is run: what fires today must not have ended by then.
YEARS = ["*", "?", "2040-2099", "1970-2099", "*/2", "1970-2099/3", "2024/1", "2045,2055", "2096", "1999-2090/7", "2024,2060"]
MACROS = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"]


def any_case(chance, text):
    return chance.choice([text, text.upper(), text.title(), text])


class Texts:
    def __init__(self, seed):
        self.chance = random.Random(seed)

    def value(self, field, number):
        chance = self.chance
        if field == "month" and chance.random() < 0.3:
            return any_case(chance, chance.choice([MONTHS, FULL_MONTHS])[number - 1])
        if field == "weekday" and chance.random() < 0.4:
            return any_case(chance, chance.choice([DAYS, FULL_DAYS])[number % 7])
        if field not in ("month", "weekday") and number < 10 and chance.random() < 0.2:
            return f"0{number}"
        return str(number)

    def item(self, field):
        chance = self.chance
        low, high = BOUNDS[field]
        kind = chance.choices(["star", "question", "value", "range", "steps", "from", "range_steps", "special"],
                              [4, 1, 8, 5, 4, 2, 3, 3 if field in ("day", "weekday") else 0])[0]
        first, last = sorted(chance.choices(range(low, high + 1), k=2))
        step = chance.randint(1, 6) if chance.random() < 0.7 or field == "weekday" else chance.randint(1, high)
        if kind == "value" and field == "weekday" and chance.random() < 0.1:
            return "7"
        return {
            "star": lambda: "*",
            "question": lambda: "?",
            "value": lambda: self.value(field, first),
            "range": lambda: f"{self.value(field, first)}-{self.value(field, last)}",
            "steps": lambda: f"*/{step}",
            "from": lambda: f"{self.value(field, first)}/{step}",
            "range_steps": lambda: f"{self.value(field, first)}-{self.value(field, last)}/{step}",
            "special": lambda: self.special(field, first),
        }[kind]()

    def special(self, field, number):
        chance = self.chance
        if field == "day":
            return any_case(chance, chance.choice(["l", "lw", f"{number}w"]))
        return chance.choice([any_case(chance, f"{self.value(field, number)}l"),
                              f"{self.value(field, number)}#{chance.randint(1, 5)}"])

    def word(self, field):
        many = self.chance.choices([1, 2, 3, 4], [12, 4, 2, 1])[0]
        return ",".join(self.item(field) for _ in range(many))

    def words(self):
        chance = self.chance
        kind = chance.choices(["five", "seven", "six", "year", "macro"], [8, 6, 3, 2, 1])[0]
        if kind == "macro":
            return [chance.choice(MACROS)]
        words = [self.word(field) for field in FIVE]
        if kind == "six":
            words.append(chance.choice(["*", "?", "*/2", "*/5"]))
        if kind in ("seven", "year"):
            words.append(chance.choice(YEARS))
        return [self.word("second"), *words] if kind == "seven" else words

    def joined(self, words):
        chance = self.chance
        text = words[0]
        for word in words[1:]:
            text += (" " if chance.random() < 0.95 else chance.choice(["  ", "\t", "\n", "\r\n"])) + word
        return chance.choice(["", " "]) + text + chance.choice(["", "\n"]) if chance.random() < 0.03 else text

    def text(self):
        words = self.words()
        if self.chance.random() < 0.75:
            return self.joined(words)
        return self.bent(words)

    def bent(self, words):
        chance = self.chance
        place = chance.randrange(len(words))
        word = words[place]

        def swapped(new):
            return self.joined([*words[:place], new, *words[place + 1:]])

        def cut():
            text = self.joined(words)
            at = chance.randrange(len(text))
            return text[:at] + text[at + 1:]

        def put():
            text = self.joined(words)
            at = chance.randrange(len(text) + 1)
            return text[:at] + chance.choice("0123456789*/-,#LWH?+@. \tx~\v\fé") + text[at:]

        fields = FIVE if len(words) in (5, 6) else ["second", *FIVE]
        field = fields[place] if place < len(fields) and len(words) > 1 else "minute"
        low, high = BOUNDS[field]
        return chance.choice([
            cut, put, put, cut,
            lambda: swapped(f"{chance.randint(low, high)}-{chance.randint(low, high)}"),  # half of them run backwards
            lambda: swapped(f"{chance.randint(low, high)}-{chance.randint(low, high)}/{chance.randint(0, high + 2)}"),
            lambda: swapped(chance.choice([word + ",", "," + word, word.replace(",", ",,") + ",,1"])),
            lambda: swapped(f"0{chance.randint(0, 9)}"),
            lambda: swapped(chance.choice(["*,", "?,"]) + chance.choice(["x", "99", "5-", "L", "7/9/9"])),
            lambda: swapped(f"{word}/{chance.choice([0, 6, 7, 12, 31, 59, 60, 100, '02', '005', 1990])}"),
            lambda: swapped(str(chance.choice([24, 31, 32, 60, 12, 13, 0, 7, 8, 99, 1969, 2100, 100]))),
            lambda: swapped(chance.choice(["H", "H/5", "H(1-5)", "L-3", "L-2W", "+MON", "5#L", "l", "w", "15w", "5-7", "0-7", "fri-7",
                                           "mon-fri#2", "fri-mon", "nov-feb", "7l", "07", "7#1", "sun-7", "janu"])),
            lambda: self.joined([*words, *chance.choices(["*", "0", "x", "2050", "#", "backup"], k=chance.randint(1, 4))]),
            lambda: self.joined(words[:chance.randint(0, 4)] or ["*"]),
            lambda: self.joined([*(words if len(words) == 5 else ["1", "2", "*", "*", "*"]), chance.choice(
                ["2090-2040", "*/1990", "1970/2000", "2020", "2010-2019", "2100", "1969", "*/130", "*/60", "20xx"])]),
            lambda: chance.choice(["0 0 30 2 *", "0 0 31 4,6,sep,11 ?", "0 0 0 31W 2 ? *", "9 9 9 30 Feb * *", "1 1 30-31 2 *"]),
            lambda: self.joined(chance.choice([
                ["@midnight"], ["@minutely"], ["@every", "5m"], ["@at", "2090-01-01T00:00:00Z"], ["@Daily"], ["@reboot"],
                ["@daily", "5"], ["x@hourly"], ["@hourly,30"], ["@weekly,1", "2045"], ["TZ=UTC", *words], ["CRON_TZ=Asia/Tokyo", *words]])),
        ])()
