/** Container names: Docker's pattern and messages, and random ones when none is given. */
import { randomInt } from 'node:crypto'
import { EngineError } from '../../api/errors.ts'

const NAME = /^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** The name without its slash; invalid_argument in Docker's words. */
export function checkName(name: string): string {
  if (!NAME.test(name)) {
    throw new EngineError(
      'invalid_argument',
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    )
  }
  return name.replace(/^\//, '')
}

const ADJECTIVES =
  'agile amber ample apt balmy bold brave breezy bright brisk calm candid cheery clever cosy crisp curious deft eager early fair fleet fond frank fresh gentle glad golden grand happy hardy honest humble jolly keen kind lively lucid lucky mellow merry mild neat nimble noble patient placid plucky polite proud quick quiet ready regal serene sharp silver smooth snug spry steady sunny swift tender tidy tranquil upbeat vivid warm wise witty zesty'.split(
    ' ',
  )
const SURNAMES =
  'ampere archimedes avogadro banach bell bohr boole born braille brahe cantor carson cauchy celsius curie cuvier dalton darwin descartes dirac easley einstein elion erdos euclid euler faraday fermat fermi fourier franklin galileo galois gauss germain goodall hamilton hawking heisenberg herschel hertz hodgkin hopper hubble huygens hypatia jang joule kepler kirchhoff kovalevskaya lagrange lamarr lavoisier leibniz linnaeus lovelace mayer maxwell meitner mendel mirzakhani napier newton noether ohm pascal pasteur pauling planck poincare ptolemy ramanujan raman ride sagan salk shannon tesla turing volta watt wing wozniak wu yalow'.split(
    ' ',
  )

/** adjective_surname that `taken` does not know. */
export function randomName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const adjective = ADJECTIVES[randomInt(ADJECTIVES.length)]
    const surname = SURNAMES[randomInt(SURNAMES.length)]
    const name = `${adjective}_${surname}${attempt < 5 ? '' : randomInt(10 ** Math.min(attempt - 4, 9))}`
    if (!taken(name)) return name
  }
}
