'use strict'

// ssb-validate from a release of the pub. Usage: node validator.js RELEASE, then one JSON request a line on stdin:
// {head: {sequence, id} | null, hmacKey: base64 | null, text: a message as JSON text}; the answer: {id} of a valid
// message, {why} of another.

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const from = createRequire(path.join(process.argv[2], 'package.json'))
const { checkInvalid, id } = from('ssb-validate')

function judge ({ head, hmacKey, text }) {
  try {
    const message = JSON.parse(text)
    const error = checkInvalid(head, hmacKey, message)
    return error ? { why: error.message } : { id: id(message) }
  } catch (error) {
    return { why: error.message }
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(JSON.stringify(judge(JSON.parse(line))))
})
