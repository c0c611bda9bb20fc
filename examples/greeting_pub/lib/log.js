'use strict'

const util = require('node:util')

const { refusalOf } = require('./exits')

const LINES_A_MINUTE = 60
const LONGEST = 2000
// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[[0-9;]*[A-Za-z]/g

/** Write one line, one JSON object, on stdout. */
function log (level, event, message, fields) {
  const line = { time: new Date().toISOString(), level, event, message: plain(message), ...fields }
  process.stdout.write(JSON.stringify(line) + '\n')
}

function plain (text) {
  return String(text).replace(COLOURS, '').slice(0, LONGEST)
}

/** End the process with the code that says why, after one line of level `error`: there is never another. */
function end (error) {
  const refusal = refusalOf(error)
  const fields = { code: refusal.code }
  if (refusal.event === 'uncaught') fields.stack = plain(refusal.stack)
  log('error', refusal.event, refusal.message, fields)
  process.exit(refusal.code)
}

/** Make everything that a dependency prints a line of ours, and every uncaught error an end with its reason. */
function takeOver () {
  // Whoever reads the log may go away; that is no reason for the pub to.
  process.stdout.on('error', () => {})
  // A dependency's "error" is mostly a peer's fault: the level stays below ours, which means the end.
  const levels = { debug: 'info', info: 'info', log: 'info', warn: 'warning', error: 'warning', trace: 'warning' }
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...parts) => chatter(level, util.formatWithOptions({ colors: false }, ...parts))
  }
  process.removeAllListeners('warning')
  process.on('warning', (warning) => chatter('warning', `${warning.name}: ${warning.message}`))
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

let minute = 0
let lines = 0
let dropped = 0

/** A line that others cause. Anybody may knock at a pub's port and fail, so they are counted, not all written. */
function chatter (level, message, plugin) {
  const now = Math.floor(Date.now() / 60000)
  if (now !== minute) {
    if (dropped) log('warning', 'dropped', `${dropped} lines of others were left out in the minute before.`)
    minute = now
    lines = dropped = 0
  }
  if (++lines > LINES_A_MINUTE) dropped++
  else log(level, 'chatter', message, plugin && { plugin })
}

module.exports = { log, end, takeOver, chatter }
