// Forms that call the API: `<form data-call="POST /api/ops/freeze" data-dry-run data-ask-reason>`.
//
// data-dry-run     says first what would happen (`?dry_run=true`), in a dialog
// data-ask-reason  asks for the reason in that dialog, and sends it as `reason`; "header": sends it
//                  as X-Access-Reason, which the audit log keeps, where the call takes no `reason`
// data-confirm     a sentence for the dialog; alone it opens the dialog without a dry run
// data-reference   "no": the call takes no reference
// data-done        what is said afterwards; data-then: where one goes, {field} from the answer
//
// data-shows       a field of the answer that is shown this once, such as a new key's text
//
// Fields: `data-as="integer|list|json|money"` for what is no text (money: with
// `data-decimals`, whole units as people write them); a name with dots is nested, with a
// number in a list (`parts.0.account`); boxes of one name with `data-as="each"` are a list; empty
// fields are not sent. The reference is kept until the call has been answered, so that a second
// try is the same act.

import { announce, asHeader, element, facts, problemNodes } from './tell.js';
import { refresh } from './live.js';

const references = new WeakMap();
let opened = null;

/** Call the API; the answer is {ok, status, body}. */
export async function call(method, path, body, headers = {}) {
  const sent = { method, headers: { Accept: 'application/json', ...headers } };
  if (body !== undefined && method !== 'GET') {
    sent.headers['Content-Type'] = 'application/json';
    sent.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, sent);
  } catch {
    const detail = 'Strongroom cannot be reached. Nothing is lost: press the button again.';
    return { ok: false, status: 0, body: { detail } };
  }
  const text = await answer.text();
  let told = {};
  try { told = text ? JSON.parse(text) : {}; } catch { told = { detail: answer.statusText }; }
  return { ok: answer.ok, status: answer.status, body: told };
}

/** Return `12.50` as `1250`; what is no such amount as it is: the API says what is wrong with it. */
function minorUnits(text, decimals) {
  const [, whole, part = ''] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || part.length > decimals) return text;
  return (whole + part.padEnd(decimals, '0')).replace(/^0+(?=\d)/, '');
}

function read(field) {
  if (field.type === 'checkbox') return field.checked;
  const text = field.value.trim();
  if (text === '') return undefined;
  if (field.dataset.as === 'integer') return Number.parseInt(text, 10);
  if (field.dataset.as === 'list') return text.split(/[\s,]+/).filter(Boolean);
  if (field.dataset.as === 'json') return JSON.parse(text);
  if (field.dataset.as === 'money') return minorUnits(text, Number(field.dataset.decimals));
  if (field.type === 'datetime-local') return `${text.length === 16 ? `${text}:00` : text}Z`;
  return text;
}

function collect(form, extra) {
  const body = { ...extra };
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === 'radio' && !field.checked)) continue;
    if (field.dataset.as === 'each') {
      if (field.checked) (body[field.name] ??= []).push(field.value);
      continue;
    }
    const value = read(field);
    if (value === undefined) continue;
    const path = field.name.split('.');
    const last = path.pop();
    const made = (next) => (/^\d+$/.test(next) ? [] : {});
    path.reduce((inner, name, n) => (inner[name] ??= made(path[n + 1] ?? last)), body)[last] = value;
  }
  if (form.dataset.reference !== 'no') {
    if (!references.has(form)) references.set(form, crypto.randomUUID());
    body.reference = references.get(form);
  }
  return body;
}

/** Return what is sent: the fields, and a reason in the body or in a header. */
function request(form, method, extra) {
  if (form.dataset.askReason !== 'header' && method !== 'DELETE') {
    return { body: collect(form, extra), headers: {} };
  }
  const headers = extra.reason ? { 'X-Access-Reason': asHeader(extra.reason) } : {};
  return { body: method === 'DELETE' ? undefined : collect(form, {}), headers };
}

function clear(form) {
  form.querySelectorAll('.problem').forEach((each) => each.remove());
  form.querySelectorAll('[aria-invalid]').forEach((each) => each.removeAttribute('aria-invalid'));
}

function show(form, problem, place) {
  const rest = [];
  for (const [name, messages] of Object.entries(problem.errors ?? {})) {
    const field = form.elements.namedItem(name) ?? form.elements.namedItem(name.split('.')[0]);
    const text = [messages].flat().join(' ');
    if (field instanceof HTMLElement && field.type !== 'hidden') {
      field.setAttribute('aria-invalid', 'true');
      field.insertAdjacentElement('afterend', element('small', { class: 'problem' }, text));
    }
    if (place !== form || !(field instanceof HTMLElement) || field.type === 'hidden') {
      rest.push(element('p', {}, element('code', {}, name), ` ${text}`));
    }
  }
  place.append(element('div', { class: 'problem', role: 'alert' }, ...problemNodes(problem), ...rest));
}

async function act(form, submitter, extra, place) {
  const [method, path] = form.dataset.call.split(' ');
  clear(form);
  place.querySelectorAll('.problem').forEach((each) => each.remove());
  const { body, headers } = request(form, method, extra);
  const answer = await call(method, path, body, headers);
  if (!answer.ok) {
    show(form, { status: answer.status, ...answer.body }, place);
    return false;
  }
  references.delete(form);
  if (form.dataset.then) {
    location.assign(form.dataset.then.replace(/\{(\w+)\}/g, (_, name) => answer.body[name] ?? ''));
    return true;
  }
  if (form.dataset.shows && answer.body[form.dataset.shows]) showOnce(answer.body[form.dataset.shows]);
  announce(form.dataset.done || `Done: ${(submitter?.textContent || 'it').trim().toLowerCase()}.`);
  form.reset();
  await refresh();
  return true;
}

/** Show a dialog with a title and content; return it. */
export function openDialog(title, ...content) {
  opened?.remove();
  const dialog = element('dialog', { 'aria-labelledby': 'dialog-title' },
    element('h2', { id: 'dialog-title' }, title), ...content);
  dialog.addEventListener('close', () => { dialog.remove(); opened = null; });
  document.body.append(dialog);
  opened = dialog;
  dialog.showModal();
  return dialog;
}

function showOnce(text) {
  const copy = element('button', { type: 'button', class: 'copy', 'data-copy': text, 'aria-label': 'Copy it' });
  const close = element('button', {}, 'I have kept it');
  openDialog('Shown this once',
    element('p', {}, 'Keep it where secrets are kept. It cannot be shown again.'),
    element('p', { class: 'once' }, element('code', {}, text), copy),
    element('form', { method: 'dialog' }, element('p', { class: 'acts' }, close)));
}

async function confirm(form, submitter) {
  const [method, path] = form.dataset.call.split(' ');
  const title = submitter?.textContent.trim() || form.dataset.title || 'Go on?';
  const result = element('div', { class: 'foreseen', 'aria-live': 'polite' });
  const inner = element('form', { method: 'dialog' });
  if (form.dataset.confirm) inner.append(element('p', {}, form.dataset.confirm));
  inner.append(result);
  const asks = form.hasAttribute('data-ask-reason');
  const reason = element('textarea', { name: 'reason', rows: '2', required: '', maxlength: '500' });
  if (asks) {
    const hint = element('small', {}, 'It stands in the audit log.');
    inner.append(element('label', { class: 'field' }, element('span', {}, 'Why?'), reason, hint));
  }
  const go = element('button', { class: form.dataset.tone || '' }, title);
  const leave = element('button', { type: 'button', class: 'quiet' }, 'Leave it');
  inner.append(element('p', { class: 'acts' }, go, leave));
  const dialog = openDialog(title, inner);
  leave.addEventListener('click', () => dialog.close());
  inner.addEventListener('submit', async (event) => {
    event.preventDefault();
    go.disabled = true;
    const extra = asks ? { reason: reason.value.trim() } : {};
    if (await act(form, submitter, extra, inner)) dialog.close();
    go.disabled = false;
  });
  if (!form.hasAttribute('data-dry-run')) return;
  result.append(element('p', { class: 'aside' }, 'Looking at what would happen…'));
  go.disabled = true; // nobody agrees to what is not shown yet
  const extra = asks ? { reason: 'To see what would happen.' } : {};
  const query = path.includes('?') ? '&dry_run=true' : '?dry_run=true';
  const sent = request(form, method, extra);
  const answer = await call(method, path + query, sent.body, sent.headers);
  result.replaceChildren();
  if (answer.ok) {
    result.append(element('h3', {}, 'This would happen'), facts(answer.body));
    go.disabled = false;
  } else {
    show(form, { status: answer.status, ...answer.body }, result);
    go.disabled = answer.status !== 0 && answer.body.code !== 'step_up_required' && answer.status !== 401;
  }
}

document.addEventListener('submit', async (event) => {
  const form = event.target.closest('form[data-call]');
  if (!form) return;
  event.preventDefault();
  const { submitter } = event;
  clear(form);
  try {
    collect(form, {});
  } catch {
    show(form, { detail: 'A field that holds JSON cannot be read.' }, form);
    return;
  }
  if (form.matches('[data-dry-run], [data-confirm], [data-ask-reason]')) {
    await confirm(form, submitter);
    return;
  }
  if (submitter) submitter.disabled = true;
  await act(form, submitter, {}, form);
  if (submitter) submitter.disabled = false;
});
