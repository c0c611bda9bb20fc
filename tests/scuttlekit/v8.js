'use strict'

// What V8 reads and writes. One request a line: a letter and hexadecimal bytes. "t": a JSON text in UTF-8; "d": the
// eight bytes of a double, the highest first. The answer: {compact, pretty} in hexadecimal, or {} for no JSON.

const readline = require('node:readline')

function read (kind, bytes) {
  if (kind === 'd') return [bytes.readDoubleBE()]
  return JSON.parse(bytes.toString('utf8'))
}

function hex (text) {
  return Buffer.from(text, 'utf8').toString('hex')
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let answer = {}
  try {
    const value = read(line[0], Buffer.from(line.slice(1), 'hex'))
    answer = { compact: hex(JSON.stringify(value)), pretty: hex(JSON.stringify(value, null, 2)) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  console.log(JSON.stringify(answer))
})
