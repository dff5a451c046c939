// What the pages do in the browser without asking the studio. Runs before Gradio does.
(() => {
  'use strict';
  const page = document.documentElement;
  const byId = id => document.getElementById(id);

  // Gradio words its own parts (drop zones, "Loading") in the browser's language; the page's language is ours to say.
  Object.defineProperty(navigator, 'language', { get: () => page.lang });
  Object.defineProperty(navigator, 'languages', { get: () => [page.lang] });

  // Gradio counts seconds for each "loading" label at 60 frames a second, hidden or not, and never stops counting for
  // the one that it shows while it starts. On a computer without a GPU that takes a tenth of a core from the model.
  // Once a second is enough to count seconds.
  const nextFrame = window.requestAnimationFrame.bind(window);
  const countsSeconds = /performance\.now\(\)\s*-[^]*\/\s*(1e3|1000)/;
  window.requestAnimationFrame = callback =>
    countsSeconds.test(String(callback)) ? setTimeout(() => callback(performance.now()), 1000) : nextFrame(callback);

  // -- light and dark: as the system says until somebody chooses --------------------------------------------
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (localStorage.getItem('studio_theme') || (systemDark.matches ? 'dark' : 'light')) === 'dark';
  const applyTheme = () => {
    page.classList.toggle('dark', isDark());
    if (document.body && document.body.classList.contains('dark') !== isDark()) {
      document.body.classList.toggle('dark', isDark());
    }
  };
  applyTheme();
  systemDark.addEventListener('change', applyTheme);

  // -- the address: page and conversation -------------------------------------------------------------------
  const setAddress = (name, value) => {
    const address = new URL(location.href);
    if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
    if (address.href !== location.href) history.replaceState(null, '', address);
  };
  const openPage = name => {
    const tab = byId(`page-${name}-button`);
    if (tab && tab.getAttribute('aria-selected') !== 'true') tab.click();
    return Boolean(tab);
  };

  // -- buttons that ask once more ---------------------------------------------------------------------------
  window.studioSure = button => {
    if (!button.dataset.sure || button.dataset.armed) {
      delete button.dataset.armed;
      return true;
    }
    const label = button.textContent, spoken = button.getAttribute('aria-label');
    button.dataset.armed = '1';
    button.textContent = button.dataset.sure;
    button.removeAttribute('aria-label');
    setTimeout(() => {
      if (!button.isConnected) return;
      delete button.dataset.armed;
      if (button.textContent === button.dataset.sure) button.textContent = label;
      if (spoken) button.setAttribute('aria-label', spoken);
    }, 4000);
    return false;
  };

  // -- the chat page ----------------------------------------------------------------------------------------
  let follow = true;
  const scroller = () => byId('chat-scroll');
  const toEnd = () => { const box = scroller(); if (box && follow && box.querySelector('.turn')) box.scrollTop = box.scrollHeight; };
  document.addEventListener('scroll', event => {
    const box = scroller();
    if (event.target === box) follow = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  }, true);

  let open = null;
  window.studioTranscript = element => {
    const turns = element.querySelector('.turns');
    if (!turns) return;
    const conversation = turns.dataset.conversation;
    setAddress('c', conversation);
    if (open !== conversation) {
      follow = true;
      closeEvidence();
      document.body.classList.remove('side-open');
    }
    open = conversation;
    setTimeout(toEnd);
  };

  let busy = false;
  window.studioLive = element => {
    const live = element.querySelector('.live');
    const now = Boolean(live) && live.dataset.state === 'busy';
    if (now && !busy) { follow = true; announce('answering'); }
    if (!now && busy) setTimeout(() => announce('complete'));
    busy = now;
    document.body.classList.toggle('answering', busy);
    toEnd();
  };
  const announce = what => {
    const place = byId('announce');
    if (!place) return;
    const answers = document.querySelectorAll('#transcript .turn .answer');
    const last = what === 'complete' && answers.length ? answers[answers.length - 1].innerText : '';
    place.textContent = `${place.dataset[what]} ${last}`;
  };

  let opener = null;
  const showEvidence = button => {
    const turn = button.closest('.turn');
    const chosen = turn && turn.querySelector(`.evidence-store [data-n="${button.dataset.evidence}"]`);
    const panel = byId('evidence');
    if (!chosen || !panel) return;
    panel.querySelector('.body').replaceChildren(chosen.cloneNode(true));
    panel.hidden = false;
    document.body.classList.add('evidence-open');
    opener = button;
    panel.focus({ preventScroll: true });
    const mark = panel.querySelector('mark');
    if (mark) mark.scrollIntoView({ block: 'center' });
  };
  const closeEvidence = () => {
    const panel = byId('evidence');
    if (!panel || panel.hidden) return false;
    panel.hidden = true;
    document.body.classList.remove('evidence-open');
    if (opener && opener.isConnected) opener.focus();
    return true;
  };

  // -- clicks and keys --------------------------------------------------------------------------------------
  document.addEventListener('click', event => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const tab = target.closest('[role=tab]');
    if (tab && tab.id.startsWith('page-')) {
      setAddress('tab', tab.id.slice(5, -7) === 'chat' ? '' : tab.id.slice(5, -7));
      document.title = `${tab.textContent.trim()} · ${document.title.split(' · ').pop()}`;
    }
    const evidence = target.closest('[data-evidence]');
    if (evidence) showEvidence(evidence);
    if (target.closest('[data-close=evidence]')) closeEvidence();
    const toggle = target.closest('[data-toggle]');
    if (toggle) {
      const shown = document.body.classList.toggle(toggle.dataset.toggle);
      toggle.setAttribute('aria-expanded', shown);
    }
    const link = target.closest('[data-page]');
    if (link && openPage(link.dataset.page)) event.preventDefault();
    if (target.closest('#switch-theme')) {
      localStorage.setItem('studio_theme', isDark() ? 'light' : 'dark');
      applyTheme();
    }
    const language = target.closest('#switch-language');
    if (language) {
      document.cookie = `studio_language=${language.dataset.language}; path=/; max-age=31536000; samesite=lax`;
      language.href = `../${language.dataset.language}/${location.search}`;
    }
    const copy = target.closest('[data-copy]');
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(() => { copy.textContent = copy.dataset.copied; });
    }
    const skip = target.closest('.skip');
    if (skip) {
      event.preventDefault();
      const field = document.querySelector('[role=tabpanel]:not([style*="none"]) :is(textarea, input, button)');
      if (field) field.focus();
    }
  });
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || event.isComposing) return;
    if (busy && byId('stop')) byId('stop').click();
    else if (!closeEvidence()) document.body.classList.remove('side-open', 'settings-open');
  });

  // -- once Gradio has drawn --------------------------------------------------------------------------------
  addEventListener('DOMContentLoaded', () => {
    applyTheme();
    new MutationObserver(applyTheme).observe(document.body, { attributes: true, attributeFilter: ['class'] });
    const wanted = new URLSearchParams(location.search).get('tab');
    const drawn = new MutationObserver(() => {
      if (!document.querySelector('[role=tab]') && !scroller()) return;
      if (wanted && !openPage(wanted)) return;
      drawn.disconnect();
      document.body.classList.add('drawn');
    });
    drawn.observe(document.body, { childList: true, subtree: true });
  });
})();
