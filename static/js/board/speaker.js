// Announcements aloud: one at a time, in the order they come, a recall behind what is queued. By the browser's own
// voice for the language, else the server's clip, else the chime and the text on the screen. What fails never stops
// the next.

const QUEUE_MAX = 100;
const CLIP_MS = 4000; // to fetch a clip
const SILENT_MS = 4000; // how long a row glows when nothing can be heard
const AFTER_CHIME_MS = 2500;
const BETWEEN_MS = 350;
const VOICE_REST_MS = 5 * 60 * 1000; // after a failure

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A promise that is kept at the latest after ms: no engine's forgotten callback may stop the queue.
const within = (ms, promise) => Promise.race([promise, pause(ms).then(() => Promise.reject(new Error("timeout")))]);

const languageOf = (voice) => voice.lang.replace("_", "-").toLowerCase();

export class Speaker {
  // onStart(call), onEnd(call, how), onSound(can it sound?)
  constructor({ chimeUrl, onStart, onEnd, onSound }) {
    Object.assign(this, { chimeUrl, onStart, onEnd, onSound });
    this.times = 2;
    this.queue = [];
    this.busy = false;
    this.failed = new Map(); // language: when its voice failed; the clips speak for it a while
    this.context = null;
    for (const act of ["pointerdown", "keydown", "touchend"]) addEventListener(act, () => this.unlock(), { passive: true });
    window.speechSynthesis?.getVoices(); // asks for the list; it comes later
  }

  get canSound() {
    return this.context?.state === "running";
  }

  // Browsers keep a page silent until it is touched, unless they were started for a screen without hands.
  start() {
    const Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) {
      this.onSound(false);
      return;
    }
    this.context = new Context();
    this.context.addEventListener("statechange", () => this.onSound(this.canSound));
    this.unlock();
    setTimeout(() => this.onSound(this.canSound), 300);
    this.chime = this.load(this.chimeUrl).catch(() => null);
  }

  unlock() {
    if (this.context && !this.canSound) this.context.resume().catch(() => this.onSound(false));
  }

  add(call) {
    this.queue.push(call);
    if (this.queue.length > QUEUE_MAX) this.queue.shift();
    this.work();
  }

  async work() {
    if (this.busy) return;
    this.busy = true;
    while (this.queue.length) {
      const call = this.queue.shift();
      this.onStart(call);
      let how = "silent";
      try {
        how = await this.announce(call);
      } catch (error) {
        console.warn("announcement", call.number, error);
      }
      this.onEnd(call, how);
    }
    this.busy = false;
  }

  async announce(call) {
    if (!this.canSound) {
      await pause(SILENT_MS);
      return "silent";
    }
    await this.play(await this.chime).catch((error) => console.warn("chime", error));
    const clips = new Map();
    let how = null;
    for (let time = 0; time < this.times; time += 1) {
      for (const [place, language] of Object.keys(call.spoken || {}).entries()) {
        const said = await this.say(call, language, place, clips);
        how = how || said;
        if (said) await pause(BETWEEN_MS);
      }
    }
    if (!how) await pause(AFTER_CHIME_MS);
    return how || "chime";
  }

  async say(call, language, place, clips) {
    try {
      if (await this.byVoice(call.spoken[language], language)) return "voice";
    } catch (error) {
      console.warn("voice", language, error);
      this.failed.set(language, performance.now());
      speechSynthesis.cancel();
    }
    try {
      if (!clips.has(place)) clips.set(place, await this.load(call.audio[place]));
      await this.play(clips.get(place));
      return "clip";
    } catch (error) {
      clips.set(place, null);
      return null;
    }
  }

  // A voice that is on this machine: the hall's network may have no way out.
  voiceFor(language) {
    if (performance.now() - (this.failed.get(language) ?? -Infinity) < VOICE_REST_MS) return null;
    const wanted = language.split("-")[0].toLowerCase();
    const fits = (window.speechSynthesis?.getVoices() || []).filter((voice) => {
      const spoken = languageOf(voice).split("-")[0];
      return voice.localService && (spoken === wanted || (wanted === "zh" && spoken === "cmn"));
    });
    return fits.find((voice) => languageOf(voice) === language.toLowerCase()) || fits[0] || null;
  }

  async byVoice(text, language) {
    const voice = this.voiceFor(language);
    if (!voice) return false;
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.voice = voice;
    utterance.lang = voice.lang;
    utterance.rate = 0.9;
    this.utterance = utterance; // kept: some browsers collect it while it speaks and never call back
    await within(5000 + text.length * 600, new Promise((done, fail) => {
      utterance.onend = done;
      utterance.onerror = (event) => fail(new Error(event.error));
      speechSynthesis.speak(utterance);
    }));
    return true;
  }

  async load(url) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), CLIP_MS);
    try {
      const response = await fetch(url, { signal: stop.signal });
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      return await this.context.decodeAudioData(await response.arrayBuffer());
    } finally {
      clearTimeout(timer);
    }
  }

  async play(sound) {
    if (!sound) throw new Error("no sound");
    const source = this.context.createBufferSource();
    source.buffer = sound;
    source.connect(this.context.destination);
    await within(sound.duration * 1000 + 3000, new Promise((done) => {
      source.onended = done;
      source.start();
    }));
  }
}
