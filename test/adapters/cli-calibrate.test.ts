/** `calibrate` and what comes of it, on the command line with the real models. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jsonLines, runCommandLine } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const one = ['--pool-size', '1']

const things = ['gate', 'pump', 'valve', 'crane', 'lift', 'turbine', 'kiln', 'winch']
const claims = things.flatMap(thing => {
  const claim = `The ${thing} is locked.`
  const about = (label: string, content: string) => ({
    taskId: `${thing} ${label}`,
    claim,
    label,
    sources: [{ content }],
  })
  return [
    about('SUPPORTS', `The guard has locked the ${thing}, and it stays locked.`),
    about('REFUTES', `The ${thing} is not locked; it stands open.`),
    about('NOT_ENOUGH_INFO', 'The canteen serves soup on Mondays.'),
  ]
})

describe('calibrate', () => {
  test('fits to labelled claims, tells how good it is, and check uses what it wrote', async () => {
    const file = await folder.write('labelled.jsonl', claims.map(claim => JSON.stringify(claim)).join('\n'))
    const out = join(folder.path, 'mine.json')
    const fitted = await runCommandLine(['calibrate', file, '--out', out, ...one])
    expect(fitted).toMatchObject({ code: 0, stderr: '' })
    expect(fitted.stdout).toMatch(/24 claims \(8 SUPPORTS, 8 REFUTES, 8 NOT_ENOUGH_INFO\)/)
    expect(fitted.stdout).toMatch(/calibration error: \d/)
    expect(await runCommandLine(['calibrate', file, '--out', out, ...one])).toMatchObject({ code: 2 })

    const question = await folder.write(
      'question.json',
      JSON.stringify(claims[0]).replace(/"label":"\w+",/, ''),
    )
    const check = ['check', question, '--json', '--no-store', ...one]
    const [plain, mine, none] = await Promise.all(
      [[], ['--calibration', out], ['--calibration', 'none']].map(async words => {
        const { stdout } = await runCommandLine([...check, ...words])
        return jsonLines(stdout)[0] as { calibration: { set: string }; probabilities: object }
      }),
    )
    expect(plain?.calibration.set).toMatch(/^held-out groups/)
    expect(mine?.calibration).toMatchObject({ set: 'labelled.jsonl', n: 24 })
    expect(none?.calibration).toBe('uncalibrated')
    expect(mine?.probabilities).not.toEqual(plain?.probabilities)

    const other = JSON.parse(readFileSync(out, 'utf8')) as { model: { judge: string } }
    other.model.judge = 'another'
    const foreign = await folder.write('foreign.json', JSON.stringify(other))
    const refused = await runCommandLine([...check, '--calibration', foreign])
    expect(refused.stderr).toMatch(/ER_CONFIG.*fitted to the judge another.*evidence-runner calibrate/)
    expect(refused.code).toBe(2)
  })

  test('a threshold makes an answer abstain, or not', async () => {
    const question = await folder.write('again.json', JSON.stringify(claims[0]).replace(/"label":"\w+",/, ''))
    const verdicts = await Promise.all(
      ['0', '1'].map(async threshold => {
        const words = ['check', question, '--json', '--no-store', '--threshold', threshold, ...one]
        return (jsonLines((await runCommandLine(words)).stdout)[0] as { verdict: string }).verdict
      }),
    )
    expect(verdicts).toEqual(['supported', 'not-enough-evidence'])
    expect(await runCommandLine(['check', question, '--threshold', '2', ...one])).toMatchObject({ code: 2 })
  })
})
