"""The look of the page and its filters: one style sheet and one script, both inline.

The script only shows and hides what is there: without it, everything can be
read. Neither asks for anything from anywhere.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SCRIPT", "STYLE"]

STYLE: Final = """
:root { color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #20242a; --soft: #646c78; --line: #e2e3e0; --well: #f3f3f0;
  --pass: #3d8168; --fail: #b4472f; --warn: #a9761b; --none: #a7adb5; --info: #3a6592;
  --fail-wash: #fbefeb; --mark: #f6d5ca; --pass-wash: #eaf3ef; --warn-wash: #f9f2e2; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15181b; --card: #1c2024; --ink: #e3e5e7; --soft: #98a1ab; --line: #30353b; --well: #16191c;
  --pass: #6bb596; --fail: #e58b72; --warn: #d9ad5c; --none: #67707a; --info: #86b1dc;
  --fail-wash: #2c2120; --mark: #5d3328; --pass-wash: #1d2a26; --warn-wash: #2a2519; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 4.5rem; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
h1 { font-size: 1.55rem; line-height: 1.25; font-weight: 600; margin: .1rem 0 .4rem;
    overflow-wrap: anywhere; }
h2 { font-size: 1.08rem; font-weight: 600; margin: 2.8rem 0 .8rem; }
h3 { font-size: .82rem; font-weight: 600; margin: 1.8rem 0 .45rem; color: var(--soft); }
p { margin: .35rem 0; }
a { color: var(--info); text-decoration: none; } a:hover { text-decoration: underline; }
code, pre, .id { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono",
    monospace; }
code { font-size: .87em; } .soft { color: var(--soft); } .num { font-variant-numeric: tabular-nums; }
.eyebrow { color: var(--soft); font-size: .84rem; margin: 0; }
.lead { font-size: 1.12rem; margin: 1.1rem 0 1.3rem; max-width: 54rem; }
.levels { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .9rem; }
.level, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.level { padding: .85rem 1.1rem 1rem; } .level b { font-size: 1.5rem; font-weight: 600; }
.level span { color: var(--soft); } .level svg { margin-top: .45rem; }
svg.bar { display: block; width: 100%; height: 8px; border-radius: 4px; background: var(--line); }
.pass { fill: var(--pass); } .fail { fill: var(--fail); } .broken { fill: var(--warn); }
.unsupported, .skipped { fill: var(--none); } .not_complied, .stale { fill: var(--info); } .error {
    fill: var(--warn); }
.card { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .42rem .8rem; text-align: right; border-top: 1px solid var(--line); }
th { font-weight: 500; color: var(--soft); font-size: .84rem; border-top: 0; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 1.1rem; } td.wide { width: 40%; }
td.zero { color: var(--none); } td.hot { color: var(--fail); font-weight: 600; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; list-style: none; }
.chips li { border: 1px solid var(--line); border-radius: 99px; padding: .08rem .7rem; font-size: .84rem;
    background: var(--card); }
.chips .no { color: var(--soft); text-decoration: line-through; }
.what.lacking { margin: 1.1rem 0 0; } .probe { margin: .6rem 0; } .probe .probe { margin: .4rem 1.1rem; }
.probe > summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.probe .why { margin-left: .5rem; } .probe .why::before { content: "· "; }
.delta { padding: .9rem 1.1rem; } .delta ul { margin: .2rem 0 .6rem; padding-left: 1.2rem; }
.delta li { margin: .1rem 0; } .delta b { font-weight: 600; }
.better b { color: var(--pass); } .worse b { color: var(--fail); }
form { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  margin: 2.4rem -1.5rem 0; padding: .7rem 1.5rem; background: var(--page);
      border-bottom: 1px solid var(--line); }
form[hidden] { display: none; }
select, input, form button { font: inherit; font-size: .9rem; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: 7px; padding: .3rem .6rem; }
input { flex: 1 1 13rem; min-width: 9rem; } form button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--info); outline-offset: 1px; }
output { margin-left: auto; color: var(--soft); font-size: .9rem; }
.case { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: .45rem 0; }
.case[hidden], .group[hidden] { display: none; }
.case > summary { display: flex; gap: .8rem; align-items: baseline; padding: .5rem 1.1rem; cursor: pointer;
    list-style: none; }
.case > summary::-webkit-details-marker { display: none; }
.case > summary .title { flex: 1; min-width: 0; } .case .id { font-size: .82rem; color: var(--soft);
    white-space: nowrap; }
.case[open] > summary { border-bottom: 1px solid var(--line); } .case[open] > summary .title {
    font-weight: 600; }
.case .why { display: block; color: var(--soft); font-size: .86rem; overflow: hidden;
    text-overflow: ellipsis; white-space: nowrap; }
.case[open] .why { display: none; }
.tag { font-size: .78rem; white-space: nowrap; border-radius: 99px; padding: .05rem .6rem;
    color: var(--soft); background: var(--well); }
.tag.v-pass { color: var(--pass); background: var(--pass-wash); } .tag.v-fail { color: var(--fail);
    background: var(--fail-wash); }
.tag.v-error, .tag.v-broken { color: var(--warn); background: var(--warn-wash); }
.body { padding: .9rem 1.1rem 1.2rem; }
.what { border-left: 3px solid var(--fail); background: var(--fail-wash); border-radius: 0 7px 7px 0;
    padding: .6rem .95rem; margin: .2rem 0 1rem; }
.what.quiet { border-color: var(--none); background: var(--well); } .what p:first-child { font-weight: 600; }
.body.calm .what { border-color: var(--warn); background: var(--warn-wash); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: .5rem 0; }
dt { color: var(--soft); font-size: .88rem; } dd { margin: 0; overflow-wrap: anywhere; }
.ends { display: flex; justify-content: space-between; margin: 1.3rem 0 0 4.4rem; font-size: .84rem;
    color: var(--soft); }
.seq { list-style: none; margin: .2rem 0 0; padding: 0; }
.seq li { display: grid; grid-template-columns: 4.4rem minmax(0, 1fr); align-items: stretch; }
.seq time { color: var(--soft); font-size: .78rem; padding: .5rem .7rem 0 0; text-align: right;
    font-variant-numeric: tabular-nums; }
.lane { display: flex; align-items: center; padding: .16rem 0; border: solid var(--line);
    border-width: 0 2px; min-width: 0; }
.msg { flex: 0 1 auto; max-width: 66%; min-width: 0; background: var(--well); border-radius: 7px;
    font-size: .86rem; margin: 0 .5rem; }
.msg[open] { flex: 1 1 100%; max-width: none; }
.msg > summary, .msg.flat { padding: .18rem .65rem; overflow: hidden; text-overflow: ellipsis;
    white-space: nowrap; }
.msg > summary { cursor: pointer; list-style: none; } .msg > summary::-webkit-details-marker {
    display: none; }
.msg b { font-weight: 600; } .msg .soft { margin-left: .45rem; }
.msg pre { margin: 0; padding: .3rem .8rem .7rem; overflow-x: auto; font-size: .8rem; line-height: 1.5;
    white-space: pre-wrap; overflow-wrap: anywhere; }
.arrow { flex: 1 1 1rem; height: 1px; background: var(--none); position: relative; }
.arrow::after { content: ""; position: absolute; top: -3px; border: solid transparent;
    border-width: 3.5px 0; }
.out .arrow::after { right: 0; border-left: 6px solid var(--none); } .in .arrow::after { left: 0;
    border-right: 6px solid var(--none); }
.in .lane { flex-direction: row-reverse; } .msg[open] + .arrow { display: none; }
.note .lane { justify-content: center; } .note .msg { background: none; color: var(--soft);
    font-style: italic; white-space: normal; }
.bad .msg { background: var(--fail-wash); outline: 1.5px solid var(--fail); } .bad time {
    color: var(--fail); }
.bad .arrow { background: var(--fail); } .in.bad .arrow::after { border-right-color: var(--fail); }
    .out.bad .arrow::after { border-left-color: var(--fail); }
.bad.note .msg { color: var(--fail); font-style: normal; white-space: normal; padding: .3rem .8rem; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: .05em .15em; }
.key { color: var(--info); } .lit { color: var(--pass); } .cut { color: var(--soft); font-style: italic; }
.lines { margin: .3rem 0 0; padding-left: 1.2rem; }
footer { margin-top: 3.5rem; color: var(--soft); font-size: .86rem; border-top: 1px solid var(--line);
    padding-top: 1rem; }
@media (max-width: 44rem) { main { padding: 1.4rem 1rem 3rem; } form { margin: 2rem -1rem 0;
    padding: .6rem 1rem; }
  .case > summary { flex-wrap: wrap; gap: .2rem .7rem; } .case > summary .title { order: 9;
      flex-basis: 100%; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } .msg { max-width: 88%; } td.wide {
      display: none; } th.wide { display: none; }
  .seq li { grid-template-columns: 3.3rem minmax(0, 1fr); } .ends { margin-left: 3.3rem; } }
@media print { :root { --page: #fff; --card: #fff; --ink: #111; --soft: #555; --line: #ccc; --well: #f4f4f4;
    --fail-wash: #fdf1ee; }
  form { display: none; } main { max-width: none; padding: 0; } .case, .level { break-inside: avoid-page; }
      .case.failed { break-inside: auto; }
  .case.failed::details-content { content-visibility: visible; }
  h2, h3 { break-after: avoid; } .seq li { break-inside: avoid; } }
"""

SCRIPT: Final = """
(function () {
  "use strict";
  var form = document.getElementById("filter"), count = form.querySelector("output");
  var cases = Array.prototype.slice.call(document.querySelectorAll(".case:not(.rule)"));
  var groups = Array.prototype.slice.call(document.querySelectorAll(".group"));
  var names = ["verdict", "family", "level", "q"], words = new Map();
  function text(one) {
    if (!words.has(one)) { words.set(one, one.textContent.toLowerCase()); }
    return words.get(one);
  }
  function apply() {
    var wanted = {}, shown = 0;
    names.forEach(function (name) { wanted[name] = form.elements[name].value; });
    var terms = wanted.q.toLowerCase().split(/\\s+/).filter(Boolean);
    cases.forEach(function (one) {
      var fits = ["verdict", "family", "level"].every(function (name) {
        return !wanted[name] || one.dataset[name] === wanted[name];
      }) && terms.every(function (term) { return text(one).indexOf(term) >= 0; });
      one.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    groups.forEach(function (group) { group.hidden = !group.querySelector(".case:not([hidden])"); });
    var all = cases.length + " cases";
    count.textContent = shown === cases.length ? all : shown + " of " + all;
    count.dataset.shown = String(shown);
  }
  function keep() {
    var query = new URLSearchParams();
    names.forEach(function (name) {
      if (form.elements[name].value) { query.set(name, form.elements[name].value); }
    });
    var hash = query.toString();
    history.replaceState(null, "", hash ? "#?" + hash : "#");
    apply();
  }
  function read() {
    var hash = location.hash, query = new URLSearchParams(hash.slice(0, 2) === "#?" ? hash.slice(2) : "");
    var target = document.getElementById(hash.slice(1));
    names.forEach(function (name) { form.elements[name].value = query.get(name) || ""; });
    apply();
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  }
  form.hidden = false;
  form.addEventListener("input", keep);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("reset", function () { setTimeout(keep, 0); });
  window.addEventListener("hashchange", read);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".case.failed").forEach(function (one) { one.open = true; });
  });
  read();
})();
"""
