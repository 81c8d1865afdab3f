/* One file of kernels for the device, compiled for the host. */

#include SOURCE
