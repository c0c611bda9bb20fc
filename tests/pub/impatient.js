'use strict'

// Required before a pub, has it wait 0.3 s where it has 30 s of patience with a peer that takes nothing.

const { setInterval } = globalThis

globalThis.setInterval = (work, time, ...rest) => setInterval(work, time === 30000 ? 300 : time, ...rest)
