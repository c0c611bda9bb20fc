'use strict'

// Required before a pub, has it take its time over noting its latest sequence: whatever it does not wait for comes first.

const fs = require('node:fs')

const TIME = 300
const write = fs.writeSync

fs.writeSync = (handle, written, ...rest) => {
  if (/^\d{15}\n$/.test(written)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TIME)
  return write(handle, written, ...rest)
}
