/**
 * Measures beside those of the checker's units (lengths, masses, volumes, pressure and the like): words and short
 * forms with a factor to the base of their family. A figure with such a word is held only against one of its family.
 */

/** What a word measures, and its factor to the base of the family. */
export type Measure = { readonly family: string; readonly factor: number }

const table = new Map<string, Measure>()

function add(family: string, factor: number, names: string): void {
  for (const name of names.split(' ')) table.set(name, { family, factor })
}

add('length', 0.001, 'mm millimetre millimetres millimeter millimeters')
add('length', 0.01, 'cm centimetre centimetres centimeter centimeters')
add('length', 1, 'm metre metres meter meters')
add('length', 1000, 'km kilometre kilometres kilometer kilometers')
add('mass', 0.001, 'mg milligram milligrams')
add('mass', 1, 'g gram grams gramme grammes')
add('mass', 1000, 'kg kilo kilos kilogram kilograms')
add('mass', 1e6, 't tonne tonnes')
add('volume', 0.001, 'ml millilitre millilitres milliliter milliliters')
add('volume', 1, 'l litre litres liter liters')
add('pressure', 1, 'bar')
add('pressure', 0.001, 'hpa mbar')
add('voltage', 1, 'v volt volts')
add('voltage', 1000, 'kv kilovolt kilovolts')
add('current', 1, 'a amp amps ampere amperes')
add('current', 0.001, 'ma milliamp milliamps')
add('frequency', 1, 'hz hertz')
add('frequency', 1000, 'khz kilohertz')
add('frequency', 1e6, 'mhz megahertz')
add('frequency', 1e9, 'ghz gigahertz')
add('power', 1e6, 'mw megawatt megawatts')
add('sound', 1, 'db decibel decibels')
add('turns', 1, 'rpm revolutions')
add('light', 1, 'lux')
add('parts', 1, 'ppm')
add('area', 1, 'm2')
add('area', 1e6, 'km2')

/** The measure that a word names; letters alone only where `short` allows them. */
export function measureOf(word: string, short = true): Measure | undefined {
  const lower = word.toLowerCase()
  return short || lower.length > 2 || lower === 'mm' || lower === 'cm' || lower === 'km' || lower === 'kg'
    ? table.get(lower)
    : undefined
}
