import { expect, test } from 'vitest'
import { Resources } from './resources.ts'

const settle = () => new Promise((resolve) => setTimeout(resolve, 0))

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

test('many events during one request cause exactly one more request', async () => {
  const resources = new Resources((run) => run())
  resources.setOnline(true)
  const answers = [deferred<number>(), deferred<number>(), deferred<number>()]
  let calls = 0
  resources.use(
    'list',
    ['container'],
    () => answers[calls++]?.promise ?? Promise.reject(new Error('too many')),
  )
  for (let i = 0; i < 50; i++) resources.invalidate('container')
  expect(calls).toBe(1)
  answers[0]?.resolve(1)
  await settle()
  expect(calls).toBe(2)
  answers[1]?.resolve(2)
  await settle()
  expect(calls).toBe(2)
  expect(resources.state('list')).toEqual({ status: 'ready', data: 2 })
})

test('a failure keeps the last data and is not an empty list', async () => {
  const resources = new Resources((run) => run())
  resources.setOnline(true)
  const error = new Error('engine gone')
  let answer = Promise.resolve(['web'])
  resources.use('list', ['container'], () => answer)
  await settle()
  answer = Promise.reject(error)
  resources.invalidate('container')
  await settle()
  expect(resources.state('list')).toEqual({ status: 'error', error, data: ['web'] })
})

test('nothing is asked while offline, and everything on screen when back', async () => {
  const resources = new Resources((run) => run())
  let calls = 0
  resources.use('list', ['image'], async () => ++calls)
  resources.invalidate('image')
  await settle()
  expect(calls).toBe(0)
  resources.setOnline(true)
  await settle()
  expect(calls).toBe(1)
})

test('what is not on screen waits until it is looked at', async () => {
  const resources = new Resources((run) => run())
  resources.setOnline(true)
  let calls = 0
  const fetch = async () => ++calls
  const leave = resources.use('list', ['image'], fetch)
  await settle()
  leave()
  resources.invalidate('image')
  await settle()
  expect(calls).toBe(1)
  resources.use('list', ['image'], fetch)
  await settle()
  expect(calls).toBe(2)
})

test('an answer that comes after going offline is not shown', async () => {
  const resources = new Resources((run) => run())
  resources.setOnline(true)
  const answer = deferred<string>()
  resources.use('list', [], () => answer.promise)
  resources.setOnline(false)
  answer.resolve('late')
  await settle()
  expect(resources.state('list')).toEqual({ status: 'loading' })
})
