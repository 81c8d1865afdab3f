#!/usr/bin/env python3
"""A Slurm array job, on a cluster of one node that lives as long as this test.

    slurm.py ZOETROPE FIXTURES SCRATCH

Starts munged, slurmctld and slurmd on the loopback, submits the job of
presets/FARMS.md, cancels one in the middle and requeues it. Exits with 77, and says
why, where they cannot be started."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, totals

ZOETROPE, FIXTURES, SCRATCH = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
FARMS = pathlib.Path(__file__).resolve().parents[2] / "presets" / "FARMS.md"
MODEL = FIXTURES / "pipe"
NEEDED = ["munged", "slurmctld", "slurmd", "sbatch", "sinfo", "scontrol", "squeue", "scancel"]
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={port1}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={scratch}/munge.sock
CommunicationParameters=NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
StateSaveLocation={scratch}/state
SlurmdSpoolDir={scratch}/spool
SlurmctldPidFile={scratch}/slurmctld.pid
SlurmdPidFile={scratch}/slurmd.pid
SlurmctldLogFile={scratch}/slurmctld.log
SlurmdLogFile={scratch}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
daemons = []


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(*command):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    return r.returncode, r.stdout.strip(), r.stderr.strip()


def free_port():
    for port in range(16817, 17817, 2):
        try:
            for p in (port, port + 1):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", p))
            return port
        except OSError:
            pass
    skip("no free ports")


def start(*command):
    log = open(SCRATCH / (pathlib.Path(command[0]).name + ".out"), "w")
    daemons.append(subprocess.Popen([str(c) for c in command], stdout=log, stderr=log))


def stop():
    for d in reversed(daemons):
        d.terminate()
    for d in daemons:
        try:
            d.wait(10)
        except subprocess.TimeoutExpired:
            d.kill()


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if any(d.poll() not in (None, 0) for d in daemons):
            break
        time.sleep(0.2)
    return False


def start_cluster():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [n for n in NEEDED if not shutil.which(n)]
    if missing:
        skip(f"there is no {', '.join(missing)}")
    if os.geteuid() != 0:
        skip("slurmd needs root")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    for folder in (SCRATCH, SCRATCH / "state", SCRATCH / "spool", SCRATCH / "out"):
        folder.mkdir(parents=True)
    key = SCRATCH / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    start("munged", "--foreground", "--force", f"--key-file={key}",
          f"--socket={SCRATCH}/munge.sock", f"--pid-file={SCRATCH}/munge.pid",
          f"--log-file={SCRATCH}/munge.log", f"--seed-file={SCRATCH}/munge.seed")
    if not wait_for("munged", (SCRATCH / "munge.sock").exists, 20):
        skip("munged does not start: " + (SCRATCH / "munged.out").read_text()[-300:])
    host = socket.gethostname().split(".")[0]
    port = free_port()
    (SCRATCH / "slurm.conf").write_text(CONF.format(
        host=host, scratch=SCRATCH, port=port, port1=port + 1, cpus=os.cpu_count()))
    os.environ["SLURM_CONF"] = str(SCRATCH / "slurm.conf")
    start("slurmctld", "-D", "-c")
    start("slurmd", "-D", "-c")
    if not wait_for("the node", lambda: "idle" in run("sinfo", "-h", "-o", "%T")[1]):
        skip("the node does not come up: " + run("sinfo")[1] + (SCRATCH / "slurmd.out").read_text()[-300:] +
             (SCRATCH / "slurmctld.out").read_text()[-300:])


def submit(*command):
    """Waits for the end; whether all elements ended well, and why not. sbatch --wait looks seldom."""
    rc, number, err = run("sbatch", "--parsable", *command)
    if rc != 0:
        return False, err
    wait_for("the end", lambda: not run("squeue", "-h", "-j", number)[1], 120)
    codes = re.findall(r"ExitCode=(\S+)", run("scontrol", "show", "job", number)[1])
    return bool(codes) and all(c == "0:0" for c in codes), f"{codes}"


def script():
    """The one in the documentation, with the test's model, outputs and sizes."""
    text = re.search(r"```\n(#!/bin/bash\n#SBATCH.*?)```", FARMS.read_text(), re.S)[1]
    render = re.search(r"zoetrope render .*?(?=\n\S|\Z)", text, re.S)[0]
    tiny = (f"{ZOETROPE} render -m {MODEL} --prompts {SCRATCH}/prompts.txt --seeds 1-3 -W 16 -H 16 "
            f"--frames 1 --steps 2 --threads 1 --text-cache {SCRATCH}/texts --farm slurm "
            f"-o '{SCRATCH}/out/{{name}}_{{seed}}.y4m'")
    return text.replace(render, tiny)


def array_job():
    (SCRATCH / "prompts.txt").write_text("a red ball\na blue cube\n")
    (SCRATCH / "texts").mkdir()
    job = SCRATCH / "job.sh"
    job.write_text(script())
    ok, why = submit("--array=0-3", f"--output={SCRATCH}/%a.log", "--chdir", SCRATCH, job)
    check("the array's job ends well", ok, why)
    films = sorted(p.name for p in (SCRATCH / "out").glob("*.y4m"))
    check("together the tasks make every film once", len(films) == 6, films)
    logs = [(SCRATCH / f"{i}.log").read_text() for i in range(4)]
    check("each tells its progress", all("Progress: 100%" in t for t in logs), logs)
    journals = list((SCRATCH / "out").glob(".zoetrope/*/journal"))
    check("each film has one job", len(journals) == 6 and
          all(j.read_bytes().count(b"film 0 ") == 1 for j in journals), journals)


def cancelled_job():
    """What scancel stops goes on when it is submitted again."""
    out = SCRATCH / "out" / "long.y4m"
    job = SCRATCH / "long.sh"
    job.write_text(f"#!/bin/bash\nexec {ZOETROPE} render -m {MODEL} -p 'a red ball' -W 32 -H 32 "
                   f"--frames 1 --steps 1000 --threads 1 --text-cache none --checkpoint 0 -o {out}\n")
    rc, number, err = run("sbatch", "--parsable", f"--output={SCRATCH}/long.log", job)
    check("a long job is queued", rc == 0, err)
    began = wait_for("a checkpoint", lambda: any((SCRATCH / "out").glob(".zoetrope/*/checkpoint.1")))
    check("it has a checkpoint", began, run("squeue")[1])
    run("scancel", number)
    wait_for("the end", lambda: not run("squeue", "-h", "-j", number)[1])
    check("scancel leaves no half film", not out.exists())
    ok, why = submit(f"--output={SCRATCH}/long.log", job)
    check("the next one goes on", ok and out.exists(), why + (SCRATCH / "long.log").read_text()[-300:])


def main():
    start_cluster()
    array_job()
    cancelled_job()


if __name__ == "__main__":
    try:
        main()
    finally:
        stop()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    sys.exit(totals())
