// "What happened": a line for each thing that was heard, the newest on top, none of them twice.

const list = document.querySelector('#events');
const told = new Set();

// `key` says what it is, so that what is looked up and heard as well stands there once.
export function tell(key, { at, text, isFresh }) {
  if (told.has(key)) return;
  told.add(key);
  const line = document.createElement('li');
  line.className = isFresh ? 'fresh' : '';
  line.append(timeOf(at), text);
  list.prepend(line);
}

export function timeOf(moment) {
  const time = document.createElement('time');
  time.dateTime = moment;
  time.textContent = new Date(moment).toLocaleTimeString('en-GB');
  return time;
}
