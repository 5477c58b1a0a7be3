import { expect, test } from 'vitest'
import { josa } from './josa.ts'

test('a particle follows the sound of the word before it', () => {
  const words = [
    '볼륨',
    '컨테이너',
    'web',
    'redis',
    'nginx',
    'busybox:1.36',
    'node:18',
    'mysql',
    'shop-data',
    'app',
  ]
  expect(words.map((word) => josa(word, '을'))).toEqual([
    '볼륨을',
    '컨테이너를',
    'web을',
    'redis를',
    'nginx를',
    'busybox:1.36을',
    'node:18을',
    'mysql을',
    'shop-data를',
    'app을',
  ])
})

test('after ㄹ one says 로', () => {
  expect(['1', '0', '137', '2', '서울', '집'].map((word) => josa(word, '으로'))).toEqual([
    '1로',
    '0으로',
    '137로',
    '2로',
    '서울로',
    '집으로',
  ])
})

test('brackets and quotation marks are not read', () => {
  expect(josa('nginx (pid 812)', '이')).toBe('nginx (pid 812)가')
  expect(josa('“web”', '은')).toBe('“web”은')
})
