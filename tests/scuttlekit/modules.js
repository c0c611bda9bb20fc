'use strict'

// ssb-validate and ssb-keys from a release of ssb-server. Usage: node modules.js RELEASE, then one JSON request a line on
// stdin; the answers, one a line:
// {head: {sequence, id} | null, hmacKey: base64 | null, text: a message as JSON text}: {value: its id, or null};
// {box: content, recipients: feed ids}: {value: text}; {unbox: text, secret: a secret file's keys}: {value: content?}.

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const from = createRequire(path.join(process.argv[2], 'package.json'))
const { checkInvalid, id } = from('ssb-validate')
const ssbKeys = from('ssb-keys')

function judge ({ head, hmacKey, text }) {
  try {
    const message = JSON.parse(text)
    return checkInvalid(head, hmacKey, message) ? null : id(message)
  } catch {
    return null
  }
}

function answer (request) {
  if ('box' in request) return ssbKeys.box(request.box, request.recipients)
  if ('unbox' in request) return ssbKeys.unbox(request.unbox, request.secret)
  return judge(request)
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(JSON.stringify({ value: answer(JSON.parse(line)) }))
})
