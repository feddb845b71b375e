/**
 * What the command line's doors keep: a trace of each claim in the same store as `check`, for explain_trace and
 * `trace`, also after a restart; and no claim that fails because of it. Real processes, the real model.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { jsonLines, runCommandLine } from '../support/command-line.ts'
import { serveMcpBy } from '../support/mcp-command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
let homes = 0
/** A home folder that nothing was kept in. */
function newHome(): string {
  homes += 1
  const home = join(folder.path, `home-${homes}`)
  mkdirSync(home)
  return home
}

const outage = (number: number) => ({
  claim: `Outage ${number} lasted under 20 minutes.`,
  sources: [{ content: `Outage ${number} lasted 12 minutes.` }],
})
const unknown = 'f'.repeat(64)
const explained = (answer: Record<string, unknown>) => ({
  kind: 'trace',
  holds: true,
  hash: answer['traceHash'],
})

test('explain_trace knows what was just checked, what an earlier server checked, and what check did', async () => {
  const home = newHome()
  const environment = { EVIDENCE_RUNNER_HOME: home }
  const first = await serveMcpBy(home)
  const answer = await first.call('check_claim', { ...outage(1), taskId: 'o1' })
  const [id, hash] = [answer['id'] as string, answer['traceHash'] as string]
  expect(await first.call('explain_trace', { id: hash })).toMatchObject(explained(answer))
  await first.end()

  const { stdout } = await runCommandLine(['check', '-', '--json', '--pool-size', '1'], {
    environment,
    input: JSON.stringify({ taskId: 'by hand', ...outage(2) }),
  })
  const [checked] = jsonLines(stdout) as [{ id: string; trace: { hash: string } }]

  await using second = await serveMcpBy(home)
  for (const name of [id, hash, hash.slice(0, 12)])
    expect(await second.call('explain_trace', { id: name })).toMatchObject(explained(answer))
  expect(await second.call('explain_trace', { id: checked.trace.hash })).toMatchObject({
    ...{ kind: 'trace', id: checked.id, holds: true, facts: { taskId: 'by hand' } },
  })
  expect(await second.call('explain_trace', { id: unknown })).toEqual({
    error: {
      code: 'ER_INPUT',
      message: expect.stringMatching(
        /^No trace "f+" among the store: give the id .* or check the claim again$/,
      ),
      retryable: false,
    },
  })

  // The other way round: what the server has checked is there for `trace`.
  const listed = await runCommandLine(['trace', 'list', '--json'], { environment })
  const tasks = (jsonLines(listed.stdout)[0] as unknown as { facts: { taskId: string } }[]).map(
    ({ facts }) => facts.taskId,
  )
  expect(tasks.sort()).toEqual(['by hand', 'o1'])
  expect(await runCommandLine(['trace', 'verify', hash], { environment })).toMatchObject({ code: 0 })
  const replayed = await runCommandLine(['trace', 'replay', id, '--pool-size', '1'], { environment })
  expect(replayed.stderr).toContain('--keep-inputs')
})

test('--no-store keeps nothing, --store another file, --keep-inputs what a replay needs', async () => {
  const home = newHome()
  const silent = await serveMcpBy(home, ['--no-store'])
  const answer = await silent.call('check_claim', outage(1))
  expect(await silent.call('explain_trace', { id: answer['id'] })).toMatchObject(explained(answer))
  expect(await silent.call('explain_trace', { id: unknown })).toMatchObject({
    error: { code: 'ER_INPUT', message: expect.stringMatching(/there is no store: .*check the claim again/) },
  })
  await silent.end()
  expect(readdirSync(home)).toEqual([])

  const file = join(home, 'elsewhere', 'traces.db')
  const keeping = await serveMcpBy(home, ['--store', file, '--keep-inputs'])
  const kept = await keeping.call('check_claim', { ...outage(2), reproducible: true })
  await keeping.end()
  expect(existsSync(join(home, 'store.db'))).toBe(false)
  const words = ['trace', 'replay', kept['id'] as string, '--store', file, '--pool-size', '1']
  const replayed = await runCommandLine(words)
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The same to the last bit/) })
})

test('a store that is damaged fails no claim: the operator is told why, callers what to do and no path', async () => {
  const home = newHome()
  writeFileSync(join(home, 'store.db'), 'no store at all, and long enough to be looked at')
  const server = await serveMcpBy(home)
  const answer = await server.call('check_claim', outage(1))
  expect(answer).toMatchObject({ verdict: 'supported', errors: [] })
  expect(await server.call('explain_trace', { id: answer['traceHash'] })).toMatchObject(explained(answer))
  const refused = await server.call('explain_trace', { id: unknown })
  expect(refused).toMatchObject({ error: { code: 'ER_STORE', retryable: false } })
  expect(JSON.stringify(refused)).not.toContain(home)
  const said = await server.end()
  expect(said).toMatch(/Traces are not kept: The store .*store\.db is damaged/)
  expect(said).toMatch(/A trace could not be looked up: The store .*store\.db is damaged/)
})

test('a store that another process has locked fails no claim, and is used once it is free', async () => {
  const home = newHome()
  // Made and left, so that what is locked is a store.
  await runCommandLine(['check', '-', '--pool-size', '1'], {
    environment: { EVIDENCE_RUNNER_HOME: home },
    input: JSON.stringify({ taskId: 't', ...outage(1) }),
  })
  const server = await serveMcpBy(home)
  const other = new DatabaseSync(join(home, 'store.db'))
  other.exec('BEGIN IMMEDIATE')
  const answers = await Promise.all(
    [2, 3].map(number => server.call('check_claim', { ...outage(number), taskId: `o${number}` })),
  )
  expect(answers.map(({ verdict }) => verdict)).toEqual(['supported', 'supported'])
  other.exec('ROLLBACK')
  other.close()
  await server.end()
  await using next = await serveMcpBy(home)
  for (const answer of answers)
    expect(await next.call('explain_trace', { id: answer['id'] })).toMatchObject(explained(answer))
})

test('a store that has no room fails no claim', async () => {
  const home = newHome()
  // No file of this server may grow beyond 200 KiB: writing a trace then fails as on a full disk.
  const server = await serveMcpBy(home, [], 'ulimit -f 200')
  const claims = Array.from({ length: 60 }, (_, place) => outage(place))
  const { answers, failed } = await server.call('check_claims', { claims })
  expect(failed).toBe(0)
  expect(answers).toHaveLength(60)
  const more = await server.call('check_claims', { claims: claims.map((_, place) => outage(100 + place)) })
  expect(more).toMatchObject({ failed: 0 })
  expect(await server.end()).toMatch(/Traces are not kept: .*store\.db/)
})
