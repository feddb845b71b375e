/** The doctor on this machine, and where nothing is installed. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { examine } from '../../src/setup/doctor.ts'
import { locateEnvironment } from '../../src/setup/environment.ts'
import { findPackageRoot } from '../../src/setup/root.ts'
import { makeEnvironment } from '../support/bare-environment.ts'

test('examine() finds nothing wrong where set-up has run', async () => {
  await locateEnvironment()
  const findings = await examine()
  expect(findings.filter(({ ok }) => !ok)).toEqual([])
  const names = findings.map(({ name }) => name)
  expect(names).toEqual(
    expect.arrayContaining(['Node', 'Python', 'Environment', 'MLX', 'tokenizers', 'Weights']),
  )
  expect(findings.find(({ name }) => name === 'Language models')).toEqual({
    name: 'Language models',
    ok: true,
    detail: expect.stringMatching(
      /^mlx-lm \d\S*, transformers \d\S*, llguidance \d\S*, huggingface-hub \d\S*$/,
    ),
  })
})

test('examine() finds the packages for language models missing only where they are wanted', async () => {
  const home = await mkdtemp(join(tmpdir(), 'doctor-'))
  try {
    const python = makeEnvironment(
      join(home, 'bare'),
      name => !/^(mlx_lm|transformers|llguidance|hugg)/.test(name),
    )
    const ofModels = async (generator: boolean) =>
      (await examine({ python, generator })).find(({ name }) => name === 'Language models')
    expect(await ofModels(false)).toEqual({
      name: 'Language models',
      ok: true,
      detail: expect.stringMatching(/not installed; only a generator needs them: .*generate\.txt$/),
    })
    expect(await ofModels(true)).toMatchObject({
      ok: false,
      mend: expect.stringMatching(/pip install .*worker\.txt -r .*generate\.txt$/),
    })
    const half = makeEnvironment(join(home, 'half'), name => !/^llguidance/.test(name))
    expect((await examine({ python: half })).find(({ name }) => name === 'Language models')).toMatchObject({
      ok: false,
      detail: 'ImportError: no llguidance',
    })
  } finally {
    await rm(home, { recursive: true })
  }
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
