// SPDX-License-Identifier: GPL-2.0
/*
 * I2C buses whose chips are played by a program.
 *
 * `insmod i2c-user.ko buses=2` makes so many adapters, called "i2c-user 0", "i2c-user 1", ... in sysfs, and
 * /dev/i2c-user, which one program at a time may open. While none has it open, nothing answers on the buses (ENXIO).
 * All numbers below are in the machine's own byte order.
 *
 * read(2) waits for a transfer and gives one, whole, or fails with EMSGSIZE when the buffer is too small for it:
 *     u32 number      of the transfer; the answer repeats it
 *     u16 bus
 *     u16 messages    that follow, each of them:
 *         u16 address
 *         u16 flags   of struct i2c_msg: bit 0 set is a read, 0 a write
 *         u16 length
 *         length bytes, only when it is a write
 * poll(2) says whether a read would wait; O_NONBLOCK makes it fail with EAGAIN instead.
 *
 * write(2) answers one transfer, in any order:
 *     u32 number
 *     u32 error       0, or what the adapter shall fail with: ENXIO nobody acknowledged the address, EREMOTEIO a byte
 *                     was refused, EAGAIN another master won the bus, EBUSY nobody lets go of SDA
 *     bytes           with error 0: what all its reads have read, one after the other, exactly
 * An answer that comes too late fails with ENOENT, a malformed one with EINVAL; neither has an effect.
 *
 * A transfer that is not answered within the adapter's time-out (I2C_TIMEOUT of its device node) fails with
 * ETIMEDOUT. So a program shows a bus whose clock is held by saying nothing.
 */
#include <linux/completion.h>
#include <linux/i2c.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#define MOST_BUSES 16

static unsigned int buses = 1;
module_param(buses, uint, 0444);
MODULE_PARM_DESC(buses, "how many adapters, at most 16");

struct bus {
	struct i2c_adapter adapter;
	struct i2c_msg *messages;	/* of the transfer under way; NULL when there is none */
	u16 count;
	u32 number;
	bool taken;			/* read by the program */
	int result;
	struct completion answered;
};

static struct bus all[MOST_BUSES];
static DEFINE_MUTEX(lock);		/* for all that follows and all of `all` */
static DECLARE_WAIT_QUEUE_HEAD(asked);
static bool is_served;
static u32 last_number;

static int transfer(struct i2c_adapter *adapter, struct i2c_msg *messages, int count)
{
	struct bus *bus = i2c_get_adapdata(adapter);
	int i, result;

	for (i = 0; i < count; i++)
		if (messages[i].flags & ~(I2C_M_RD | I2C_M_DMA_SAFE))
			return -EOPNOTSUPP;
	mutex_lock(&lock);
	if (!is_served) {
		mutex_unlock(&lock);
		return -ENXIO;
	}
	bus->messages = messages;
	bus->count = count;
	bus->number = ++last_number;
	bus->taken = false;
	bus->result = -ETIMEDOUT;
	reinit_completion(&bus->answered);
	mutex_unlock(&lock);
	wake_up(&asked);
	wait_for_completion_timeout(&bus->answered, adapter->timeout);
	mutex_lock(&lock);
	bus->messages = NULL;
	result = bus->result;
	mutex_unlock(&lock);
	return result < 0 ? result : count;
}

static u32 functionality(struct i2c_adapter *adapter)
{
	return I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL;
}

static const struct i2c_algorithm algorithm = {.master_xfer = transfer, .functionality = functionality};

static struct bus *next_asked(void)
{
	struct bus *bus;

	for (bus = all; bus < all + buses; bus++)
		if (bus->messages && !bus->taken)
			return bus;
	return NULL;
}

/* Puts bytes where the program reads; beyond `room` it only counts. */
static int put(char __user *to, size_t room, size_t *used, const void *bytes, size_t count)
{
	bool fits = *used + count <= room;
	int fault = fits && copy_to_user(to + *used, bytes, count);

	*used += count;
	return fault ? -EFAULT : fits ? 0 : -EMSGSIZE;
}

static ssize_t give(struct file *file, char __user *to, size_t room, loff_t *position)
{
	struct bus *bus;
	size_t used = 0;
	int i, fault;

	mutex_lock(&lock);
	while (!(bus = next_asked())) {
		mutex_unlock(&lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(asked, next_asked()))
			return -ERESTARTSYS;
		mutex_lock(&lock);
	}
	fault = put(to, room, &used, &bus->number, 4);
	fault = fault ?: put(to, room, &used, (u16[]){bus - all, bus->count}, 4);
	for (i = 0; i < bus->count && !fault; i++) {
		struct i2c_msg *message = &bus->messages[i];
		u16 head[] = {message->addr, message->flags & I2C_M_RD, message->len};

		fault = put(to, room, &used, head, sizeof(head));
		if (!fault && !(message->flags & I2C_M_RD))
			fault = put(to, room, &used, message->buf, message->len);
	}
	bus->taken = !fault;
	mutex_unlock(&lock);
	return fault ?: used;
}

static ssize_t answer(struct file *file, const char __user *from, size_t size, loff_t *position)
{
	u32 head[2];
	size_t used = sizeof(head), wanted = sizeof(head);
	ssize_t fault = 0;
	struct bus *bus;
	int i;

	if (size < sizeof(head) || copy_from_user(head, from, sizeof(head)))
		return -EINVAL;
	mutex_lock(&lock);
	for (bus = all; bus < all + buses; bus++)
		if (bus->messages && bus->taken && bus->number == head[0])
			break;
	if (bus == all + buses) {
		mutex_unlock(&lock);
		return -ENOENT;
	}
	for (i = 0; i < bus->count && !head[1]; i++)
		wanted += bus->messages[i].flags & I2C_M_RD ? bus->messages[i].len : 0;
	if (size != wanted || head[1] > MAX_ERRNO)
		fault = -EINVAL;
	for (i = 0; i < bus->count && !head[1] && !fault; i++) {
		struct i2c_msg *message = &bus->messages[i];

		if (!(message->flags & I2C_M_RD))
			continue;
		fault = copy_from_user(message->buf, from + used, message->len) ? -EFAULT : 0;
		used += message->len;
	}
	if (!fault) {
		bus->messages = NULL;
		bus->result = -(int)head[1];
		complete(&bus->answered);
	}
	mutex_unlock(&lock);
	return fault ?: size;
}

static __poll_t ready(struct file *file, poll_table *table)
{
	__poll_t events = EPOLLOUT;

	poll_wait(file, &asked, table);
	mutex_lock(&lock);
	if (next_asked())
		events |= EPOLLIN;
	mutex_unlock(&lock);
	return events;
}

static int serve(struct inode *inode, struct file *file)
{
	int result = 0;

	mutex_lock(&lock);
	if (is_served)
		result = -EBUSY;
	is_served = true;
	mutex_unlock(&lock);
	return result;
}

static int leave(struct inode *inode, struct file *file)
{
	/* What is under way runs into its time-out. */
	mutex_lock(&lock);
	is_served = false;
	mutex_unlock(&lock);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE, .open = serve, .release = leave, .read = give, .write = answer, .poll = ready,
};
static struct miscdevice device = {.minor = MISC_DYNAMIC_MINOR, .name = "i2c-user", .fops = &operations};

static void take_away(unsigned int count)
{
	while (count > 0)
		i2c_del_adapter(&all[--count].adapter);
}

static int __init begin(void)
{
	unsigned int i;
	int result;

	if (buses < 1 || buses > MOST_BUSES)
		return -EINVAL;
	for (i = 0; i < buses; i++) {
		struct i2c_adapter *adapter = &all[i].adapter;

		init_completion(&all[i].answered);
		adapter->owner = THIS_MODULE;
		adapter->algo = &algorithm;
		snprintf(adapter->name, sizeof(adapter->name), "i2c-user %u", i);
		i2c_set_adapdata(adapter, &all[i]);
		result = i2c_add_adapter(adapter);
		if (result) {
			take_away(i);
			return result;
		}
	}
	result = misc_register(&device);
	if (result)
		take_away(buses);
	return result;
}

static void __exit end(void)
{
	misc_deregister(&device);
	take_away(buses);
}

module_init(begin);
module_exit(end);
MODULE_DESCRIPTION("I2C buses whose chips are played by a program");
MODULE_LICENSE("GPL");
