/** Packages that only some need are loaded when they are asked for; who lacks them is told what to install. */
import { errorOf } from '../core/errors.ts'

/** What Node says of a package that is not there, by `import` and by `require`. */
const notFound = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']

/** What a file exports that needs `packages`. @throws InputError ER_CONFIG that says what to install. */
export async function installed<Exports>(
  what: string,
  packages: readonly string[],
  load: () => Promise<Exports>,
): Promise<Exports> {
  try {
    return await load()
  } catch (cause) {
    if (!notFound.includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause
    throw errorOf('ER_CONFIG', `${what} needs packages of its own: npm install ${packages.join(' ')}`, {
      cause,
    })
  }
}
