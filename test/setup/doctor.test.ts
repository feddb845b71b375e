/** The doctor on this machine, and where nothing is installed. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { examine } from '../../src/setup/doctor.ts'
import { locateEnvironment } from '../../src/setup/environment.ts'
import { findPackageRoot } from '../../src/setup/root.ts'

test('examine() finds nothing wrong where set-up has run', async () => {
  await locateEnvironment()
  const findings = await examine()
  expect(findings.filter(({ ok }) => !ok)).toEqual([])
  const names = findings.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['Node', 'Python', 'Environment', 'MLX', 'tokenizers', 'Weights']),
  )
})

test('examine() names the command that mends a missing environment', async () => {
  const home = await mkdtemp(join(tmpdir(), 'doctor-'))
  try {
    const root = { ...(await findPackageRoot()), checkout: false }
    const findings = await examine({ root, home })
    expect(findings.find(({ name }) => name === 'Environment')).toMatchObject({
      ok: false,
      mend: 'npx evidence-runner setup',
    })
    expect(findings.map(({ name }) => name)).not.toContain('MLX')
  } finally {
    await rm(home, { recursive: true })
  }
})

test("examine() says what the caller's own Python lacks", async () => {
  const findings = await examine({ python: '/bin/sh' })
  expect(findings.find(({ name }) => name === 'MLX')).toMatchObject({
    ok: false,
    mend: expect.stringContaining('python/locks/worker.txt'),
  })
  expect(findings.find(({ name }) => name === 'Weights')).toMatchObject({ ok: false })
})
