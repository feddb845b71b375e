/**
 * Units: what each measures and its exact factor to the base unit of its dimension. No prefix is guessed;
 * what is not in the table is no unit but a noun that is counted.
 */

/** What a unit measures. Figures of different dimensions are never compared. */
export type Dimension =
  | 'number'
  | 'time'
  | 'bytes'
  | 'bits'
  | 'percent'
  | 'points'
  | 'rate'
  | 'byte-rate'
  | 'bit-rate'
  | 'temperature'
  | 'power'
  | 'speed'
  | 'energy'
  | `money-${string}`
  | 'version'

/** `base = value × factor + shift`. */
export type Unit = { readonly dimension: Dimension; readonly factor: number; readonly shift?: number }

const table = new Map<string, Unit>()

function add(dimension: Dimension, factor: number, names: string): void {
  for (const name of names.split(' ')) table.set(name, { dimension, factor })
}

add('time', 1e-6, 'ns nanosecond nanoseconds')
add('time', 1e-3, 'us µs μs microsecond microseconds')
add('time', 1, 'ms msec millis millisecond milliseconds')
add('time', 1000, 's sec secs second seconds')
add('time', 60_000, 'min mins minute minutes')
add('time', 3_600_000, 'h hr hrs hour hours')
add('time', 86_400_000, 'd day days')
add('time', 604_800_000, 'week weeks')
add('bytes', 1, 'B byte bytes')
for (const [index, letter] of ['k', 'M', 'G', 'T', 'P'].entries()) {
  const upper = letter.toUpperCase()
  const [decimal, binary] = [1000 ** (index + 1), 1024 ** (index + 1)]
  add('bytes', decimal, `${letter}B ${upper}B`)
  add('bytes', binary, `${upper}iB ${upper}i`)
  add('bits', decimal, `${letter}bit ${upper}bit ${letter}b ${upper}b`)
  add('byte-rate', decimal, `${letter}B/s ${upper}B/s ${upper}Bps`)
  add('byte-rate', binary, `${upper}iB/s`)
  add('bit-rate', decimal, `${letter}bit/s ${upper}bit/s ${letter}bps ${upper}bps ${upper}b/s`)
}
add('bytes', 1000, 'kilobyte kilobytes')
add('bytes', 1e6, 'megabyte megabytes')
add('bytes', 1e9, 'gigabyte gigabytes')
add('bytes', 1e12, 'terabyte terabytes')
add('bytes', 1024, 'kibibyte kibibytes')
add('bytes', 1024 ** 2, 'mebibyte mebibytes')
add('bytes', 1024 ** 3, 'gibibyte gibibytes')
add('byte-rate', 1, 'B/s')
add('percent', 1, '% percent pct percentage')
add('points', 1, 'pp')
add('rate', 1, '/s rps qps tps req/s requests/s ops/s msg/s events/s Hz')
add('rate', 1 / 60, '/min rpm req/min')
add('rate', 1 / 3600, '/h')
add('temperature', 1, '°C celsius')
add('speed', 1, 'm/s')
add('speed', 1 / 3.6, 'km/h kph kmh')
add('speed', 0.44704, 'mph')
add('speed', 0.514444, 'kn knots')
add('power', 1, 'W watt watts')
add('power', 1000, 'kW kilowatt kilowatts')
add('energy', 1, 'Wh')
add('energy', 1000, 'kWh')
add('energy', 1e6, 'MWh')
add('money-chf', 1, 'CHF chf francs franc')
add('money-usd', 1, '$ USD usd dollar dollars')
add('money-usd', 0.01, 'cent cents')
add('money-eur', 1, '€ EUR eur euro euros')
add('money-gbp', 1, '£ GBP gbp pound pounds')
table.set('°F', { dimension: 'temperature', factor: 5 / 9, shift: -160 / 9 })
table.set('fahrenheit', { dimension: 'temperature', factor: 5 / 9, shift: -160 / 9 })

/** The unit of that exact name; words also in other cases, symbols as they are. */
export function unitOf(name: string): Unit | undefined {
  return table.get(name) ?? (name.length > 3 ? table.get(name.toLowerCase()) : undefined)
}

// Endings of keys, columns and metric names, already in small letters.
const endings = new Map<string, string>(
  Object.entries({
    ...{ ms: 'ms', millis: 'ms', milliseconds: 'ms', us: 'us', ns: 'ns', s: 's', sec: 's', secs: 's' },
    ...{ second: 's', seconds: 's', minutes: 'min', mins: 'min', hours: 'h', days: 'd' },
    ...{ bytes: 'B', byte: 'B', kb: 'kB', mb: 'MB', gb: 'GB', tb: 'TB' },
    ...{ kib: 'KiB', mib: 'MiB', gib: 'GiB', tib: 'TiB', percent: '%', pct: '%', percentage: '%' },
    ...{ celsius: '°C', usd: 'USD', eur: 'EUR', gbp: 'GBP', rps: 'rps', qps: 'qps', rpm: 'rpm' },
    ...{ watts: 'W', kwh: 'kWh' },
  }),
)

/** Of the parts of an identifier (`p95_ms`, `sizeBytes`, `rate (%)`), the unit that its end names. */
export function unitOfName(parts: readonly string[], name: string): Unit | undefined {
  if (/%\W*$/.test(name)) return table.get('%')
  const last = parts.at(-1) ?? ''
  if (last === 'ratio' || last === 'fraction') return { dimension: 'percent', factor: 100 }
  const end = last === 'total' || last === 'sum' || last === 'max' || last === 'min' ? parts.at(-2) : last
  const unit = endings.get(end ?? '')
  return unit === undefined ? undefined : table.get(unit)
}
