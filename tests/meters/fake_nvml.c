/* A stand-in for NVIDIA's libnvidia-ml.so.1, small enough to read, loaded by nvidia-ml-py through the real ctypes path.
 *
 * Its behaviour is in the file that the environment variable FAKE_NVML names, one `key value` a line. A test replaces the file while
 * a program runs, and the next call sees it. `key.N` is for GPU N alone and goes before `key`:
 *
 *   gpus 1                number of GPUs
 *   name Fake GPU         product name
 *   power_w 100           constant power
 *   refresh_ms 20         the energy counter moves so often
 *   memory_used 1000000000, memory_total 80000000000, load 50, memory_load 10, temperature 40, clock_mhz 1500, throttle 0
 *   init_error 0          NVML error that nvmlInit returns (4: no permission, 9: driver not loaded)
 *   lost 0                1: every call about the GPU fails with NVML_ERROR_GPU_IS_LOST
 *   processes             process numbers of what computes on the GPU, with spaces between
 *   mps_processes         process numbers of what computes on it through NVIDIA's multi-process service
 *   power_limit_w 300, persistence 1, compute_mode 0 (3: for one process at a time)
 *   mig 0                 1: the GPU is split into slices MIG-N-0, MIG-N-1, …
 *   no_energy 0, no_instant 0, no_throttle 0, no_memory 0, no_power_limit 0, no_mps 0        1: the GPU has no such sensor
 *   arch 9                architecture (6: Turing, 7: Ampere, 9: Hopper)
 *
 * The energy counter is power × time since boot, in steps of `refresh_ms`, so the truth over any window is power × its length.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, MAX_GPUS = 16 };
enum { FIELD_POWER_INSTANT = 186 };

typedef struct { int index; } device;
static device gpus[MAX_GPUS], slices[MAX_GPUS];

/* The settings, read again when the file was replaced. */
static struct { char name[48], value[80]; } settings[64];
static int known;

static void refresh(void) {
    static struct stat seen;
    struct stat now;
    const char *path = getenv("FAKE_NVML");
    char line[160];
    int start;
    if (!path || stat(path, &now) || (now.st_ino == seen.st_ino && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)) return;
    FILE *file = fopen(path, "r");
    if (!file) return;
    for (known = 0; known < 64 && fgets(line, sizeof line, file); known++) {
        line[strcspn(line, "\n")] = 0;
        start = 0;
        settings[known].name[0] = 0;
        sscanf(line, "%47s %n", settings[known].name, &start);
        snprintf(settings[known].value, sizeof settings[known].value, "%.79s", line + start);
    }
    fclose(file);
    seen = now;
}

/* Return the value of `key.gpu`, else of `key`, else NULL. */
static const char *setting(const char *key, int gpu) {
    const char *found = NULL;
    char own[64];
    refresh();
    snprintf(own, sizeof own, "%s.%d", key, gpu);
    for (int i = 0; i < known; i++) {
        if (!strcmp(settings[i].name, own)) return settings[i].value;
        if (!strcmp(settings[i].name, key)) found = settings[i].value;
    }
    return found;
}

static double number(const char *key, int gpu, double otherwise) {
    const char *text = setting(key, gpu);
    return text ? strtod(text, NULL) : otherwise;
}

static int state(device *gpu) { return number("lost", gpu->index, 0) ? GPU_IS_LOST : OK; }

static int fill(device *gpu, unsigned *target, const char *key, double otherwise) {
    *target = (unsigned)number(key, gpu->index, otherwise);
    return state(gpu);
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    for (int i = 0; i < MAX_GPUS; i++) gpus[i].index = slices[i].index = i;
    return (int)number("init_error", 0, OK);
}

int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) {
    switch (code) {
        case OK: return "Success";
        case NOT_SUPPORTED: return "Not Supported";
        case 4: return "Insufficient Permissions";
        case GPU_IS_LOST: return "GPU is lost";
        default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
    snprintf(version, size, "999.1");
    return OK;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)number("gpus", 0, 1);
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **gpu) {
    if (index >= (unsigned)number("gpus", 0, 1)) return INVALID_ARGUMENT;
    *gpu = &gpus[index];
    return OK;
}

int nvmlDeviceGetUUID(device *gpu, char *uuid, unsigned size) {
    snprintf(uuid, size, "GPU-%08x-0000-4000-8000-00000000fa%02x", 0xabc00000u + (unsigned)gpu->index, gpu->index);
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, device **gpu) {
    int index, slice;
    if (sscanf(uuid, "MIG-%d-%d", &index, &slice) != 2 || !number("mig", index, 0)) return NOT_FOUND;
    *gpu = &slices[index];
    return OK;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device *slice, device **gpu) {
    *gpu = &gpus[slice->index];
    return OK;
}

int nvmlDeviceGetMigMode(device *gpu, unsigned *current, unsigned *pending) {
    *current = *pending = (unsigned)number("mig", gpu->index, 0);
    return state(gpu);
}

int nvmlDeviceGetName(device *gpu, char *name, unsigned size) {
    const char *text = setting("name", gpu->index);
    snprintf(name, size, "%s", text ? text : "Fake GPU");
    return state(gpu);
}

int nvmlDeviceGetArchitecture(device *gpu, unsigned *arch) { return fill(gpu, arch, "arch", 9); }

int nvmlDeviceGetTotalEnergyConsumption(device *gpu, uint64_t *millijoules) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t refresh_ns = (int64_t)(number("refresh_ms", gpu->index, 20) * 1e6);
    int64_t ticks = ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec) / refresh_ns;
    if (number("no_energy", gpu->index, 0)) return NOT_SUPPORTED;
    *millijoules = (uint64_t)((double)ticks * (double)refresh_ns * 1e-6 * number("power_w", gpu->index, 100));
    return state(gpu);
}

int nvmlDeviceGetPowerUsage(device *gpu, unsigned *milliwatts) {
    *milliwatts = (unsigned)(number("power_w", gpu->index, 100) * 1e3);
    return state(gpu);
}

typedef struct {
    unsigned id, scope;
    int64_t timestamp, latency_us;
    unsigned type, code;
    union { double d; unsigned ui; uint64_t ull; } value;
} field;

int nvmlDeviceGetFieldValues(device *gpu, int count, field *fields) {
    for (int i = 0; i < count; i++) {
        int known = fields[i].id == FIELD_POWER_INSTANT && !number("no_instant", gpu->index, 0);
        fields[i].code = known ? OK : NOT_SUPPORTED;
        fields[i].type = 1;
        fields[i].value.ui = (unsigned)(number("power_w", gpu->index, 100) * 1e3);
    }
    return state(gpu);
}

int nvmlDeviceGetMemoryInfo(device *gpu, uint64_t *info) {
    if (number("no_memory", gpu->index, 0)) return NOT_SUPPORTED;
    info[0] = (uint64_t)number("memory_total", gpu->index, 80e9);
    info[2] = (uint64_t)number("memory_used", gpu->index, 1e9);
    info[1] = info[0] - info[2];
    return state(gpu);
}

int nvmlDeviceGetEnforcedPowerLimit(device *gpu, unsigned *milliwatts) {
    if (number("no_power_limit", gpu->index, 0)) return NOT_SUPPORTED;
    *milliwatts = (unsigned)(number("power_limit_w", gpu->index, 300) * 1e3);
    return state(gpu);
}

int nvmlDeviceGetPersistenceMode(device *gpu, unsigned *mode) { return fill(gpu, mode, "persistence", 1); }

int nvmlDeviceGetComputeMode(device *gpu, unsigned *mode) { return fill(gpu, mode, "compute_mode", 0); }

int nvmlDeviceGetUtilizationRates(device *gpu, unsigned *rates) {
    fill(gpu, &rates[0], "load", 50);
    return fill(gpu, &rates[1], "memory_load", 10);
}

int nvmlDeviceGetTemperature(device *gpu, int sensor, unsigned *celsius) {
    (void)sensor;
    return fill(gpu, celsius, "temperature", 40);
}

int nvmlDeviceGetClockInfo(device *gpu, int domain, unsigned *mhz) {
    (void)domain;
    return fill(gpu, mhz, "clock_mhz", 1500);
}

int nvmlDeviceGetCurrentClocksThrottleReasons(device *gpu, uint64_t *reasons) {
    if (number("no_throttle", gpu->index, 0)) return NOT_SUPPORTED;
    *reasons = (uint64_t)number("throttle", gpu->index, 0);
    return state(gpu);
}

typedef struct { unsigned pid; uint64_t memory; unsigned gpu_instance, compute_instance; } process;

/* As the real one does, tells the number first when there is no room for all. */
static int list(device *gpu, const char *key, unsigned *count, process *processes) {
    const char *text = setting(key, gpu->index);
    unsigned room = *count, found = 0;
    char *end;
    for (long pid; text && (pid = strtol(text, &end, 10), end != text); text = end, found++)
        if (processes && found < room) processes[found] = (process){(unsigned)pid, 1000000, ~0u, ~0u};
    *count = found;
    if (state(gpu) != OK) return state(gpu);
    return found > room || (found && !processes) ? INSUFFICIENT_SIZE : OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device *gpu, unsigned *count, process *processes) {
    return list(gpu, "processes", count, processes);
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(device *gpu, unsigned *count, process *processes) {
    return number("no_mps", gpu->index, 0) ? NOT_SUPPORTED : list(gpu, "mps_processes", count, processes);
}
