/** SQLite, loaded when it is first needed: most who import this package never open a store. */

/** Loads it; some versions of Node warn then that it is experimental, which is for us to know, not for users. */
export function loadSqlite(): typeof import('node:sqlite') {
  const emitWarning = process.emitWarning
  process.emitWarning = ((...given: unknown[]) => {
    if (!isAboutSqlite(given)) Reflect.apply(emitWarning, process, given)
  }) as typeof emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}

const isAboutSqlite = ([warning, kind]: readonly unknown[]): boolean =>
  kind === 'ExperimentalWarning' && String(warning).includes('SQLite')
