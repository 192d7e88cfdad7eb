#!/bin/sh
# A virtual sound card for tests: PulseAudio with two null sinks.
#
#   tools/virtual_sound.sh start    install what is missing, start it, print the environment to use it
#   tools/virtual_sound.sh status   say whether it runs (exit 0), or not (exit 1)
#   tools/virtual_sound.sh stop     stop it; what was installed stays
#
# Use it with: eval "$(tools/virtual_sound.sh start)". PortAudio then sees the devices
# `pulse` and `default`. What a program plays there is heard at the source
# `virtual_speaker.monitor` (parec), what is played into the sink `virtual_mouth`
# (paplay) is what its microphone hears.
#
# Packages are installed with apt-get, if this is root (or CI with sudo); they are
# named on stderr before. Where that is not possible, the reason is the last line
# on stderr, and the exit status 77.

set -eu

PACKAGES="pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins"
DIR=${VIRTUAL_SOUND_DIR:-${TMPDIR:-/tmp}/realtime_raw-sound-$(id -u)}
SOCKET=$DIR/native

say() { echo "virtual_sound: $*" >&2; }

cannot() {
    say "$*"
    exit 77
}

installed() {
    command -v pulseaudio >/dev/null && command -v pactl >/dev/null && command -v paplay >/dev/null &&
        ldconfig -p 2>/dev/null | grep -q 'libportaudio\.so' &&
        find /usr/lib /usr/lib64 -name 'libasound_module_pcm_pulse.so' 2>/dev/null | grep -q .
}

install() {
    as=
    [ "$(uname)" = Linux ] || cannot "PulseAudio with ALSA is for Linux, and this is $(uname)"
    command -v apt-get >/dev/null || cannot "$PACKAGES are not installed, and there is no apt-get to do it"
    if [ "$(id -u)" != 0 ]; then
        [ -n "${CI:-}" ] && sudo -n true 2>/dev/null || cannot "$PACKAGES are not installed, and only root can do it"
        as="sudo -n"
    fi
    say "installing $PACKAGES"
    export DEBIAN_FRONTEND=noninteractive
    apt="$as apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 -o Acquire::http::Timeout=10"
    again="$apt install --no-install-recommends $PACKAGES"
    # The lists of a fresh machine are empty, and those of an old one stale.
    $again >&2 || { $apt update >&2 && $again >&2; } ||
        cannot "apt-get could not install $PACKAGES"
    installed || cannot "$PACKAGES are installed, and something of them is missing all the same"
}

runs() {
    command -v pactl >/dev/null && PULSE_SERVER=unix:$SOCKET timeout 5 pactl info >/dev/null 2>&1
}

start() {
    installed || install
    if ! runs; then
        rm -rf "$DIR"
        mkdir -p -m 700 "$DIR"
        # Without rewinds a null sink keeps to short blocks, as a sound card does; else it
        # works ahead by up to two seconds.
        sink="module-null-sink rate=48000 channels=2 norewinds=1"
        cat >"$DIR/card.pa" <<PA
load-module module-native-protocol-unix socket=$SOCKET auth-anonymous=1 auth-cookie-enabled=0
load-module $sink sink_name=virtual_speaker sink_properties=device.description=virtual_speaker
load-module $sink sink_name=virtual_mouth sink_properties=device.description=virtual_mouth
load-module module-remap-source master=virtual_mouth.monitor source_name=virtual_microphone
set-default-sink virtual_speaker
set-default-source virtual_microphone
PA
        # Everything of it in one directory, so that no other PulseAudio is touched.
        env HOME="$DIR" XDG_RUNTIME_DIR="$DIR" XDG_CONFIG_HOME="$DIR" PULSE_RUNTIME_PATH="$DIR" PULSE_STATE_PATH="$DIR" \
            pulseaudio -n -F "$DIR/card.pa" --daemonize=yes --use-pid-file=yes --exit-idle-time=-1 \
            --high-priority=yes --realtime=yes --log-target="newfile:$DIR/log" >/dev/null 2>"$DIR/errors" || true
        tries=50
        until runs; do
            tries=$((tries - 1))
            [ $tries -gt 0 ] || cannot "PulseAudio does not start: $(tail -n 1 "$DIR"/log* "$DIR/errors" 2>/dev/null | tail -n 1)"
            sleep 0.1
        done
    fi
    echo "export PULSE_SERVER=unix:$SOCKET"
}

stop() {
    if [ -f "$DIR/pid" ]; then
        pid=$(cat "$DIR/pid")
        kill "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    fi
    rm -rf "$DIR"
}

case ${1:-} in
start) start ;;
stop) stop ;;
status)
    if runs; then
        say "runs at $SOCKET"
    else
        say "does not run"
        exit 1
    fi
    ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
