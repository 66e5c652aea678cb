// SPDX-License-Identifier: Apache-2.0

// franz-go against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	bootstrap = os.Getenv("FANTAIL_INTEROP_KAFKA")
	control   = os.Getenv("FANTAIL_INTEROP_CONTROL")
)

const timeout = 30 * time.Second

type test struct {
	topic   string
	context context.Context
	clients []*kgo.Client
	admin   *kadm.Client
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(wanted, got any) {
	if !reflect.DeepEqual(wanted, got) {
		panic(fmt.Sprintf("wanted %v, got %v", wanted, got))
	}
}

func (t *test) client(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap)}, options...)...)
	must(err)
	t.clients = append(t.clients, client)
	return client
}

func (t *test) make(partitions int32, settings map[string]*string) {
	answer, err := t.admin.CreateTopic(t.context, partitions, 1, settings, t.topic)
	must(err)
	must(answer.Err)
}

// forever keeps records however old they say they are.
func forever() map[string]*string {
	value := "-1"
	return map[string]*string{"retention.ms": &value}
}

func (t *test) produce(client *kgo.Client, values ...string) []int64 {
	var records []*kgo.Record
	for _, value := range values {
		records = append(records, &kgo.Record{Topic: t.topic, Value: []byte(value)})
	}
	var offsets []int64
	for _, result := range client.ProduceSync(t.context, records...) {
		must(result.Err)
		offsets = append(offsets, result.Record.Offset)
	}
	return offsets
}

func (t *test) read(client *kgo.Client, count int) []*kgo.Record {
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollRecords(t.context, count-len(records))
		must(t.context.Err())
		fetches.EachRecord(func(record *kgo.Record) { records = append(records, record) })
	}
	return records
}

func (t *test) reader(options ...kgo.Opt) *kgo.Client {
	return t.client(append(options, kgo.ConsumeTopics(t.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
}

func (t *test) member(options ...kgo.Opt) *kgo.Client {
	return t.reader(append(options, kgo.ConsumerGroup("g."+t.topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond))...)
}

func values(records []*kgo.Record) []string {
	var out []string
	for _, record := range records {
		out = append(out, string(record.Value))
	}
	return out
}

func numbers(from, to int) []string {
	var out []string
	for number := from; number < to; number++ {
		out = append(out, fmt.Sprint(number))
	}
	return out
}

func eventually(what string, step func() bool) {
	for deadline := time.Now().Add(timeout); !step(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("waited in vain for " + what)
		}
	}
}

// Tests ---------------------------------------------------------------------------------------

func (t *test) Test_records_come_in_order_with_offsets_from_0() {
	t.make(1, nil)
	offsets := t.produce(t.client(), numbers(0, 3000)...)
	equal([]int64{0, 2999}, []int64{offsets[0], offsets[2999]})
	equal(numbers(0, 3000), values(t.read(t.reader(), 3000)))
}

func (t *test) Test_every_codec_is_read_back() {
	t.make(1, nil)
	var wanted []string
	for number, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(),
		kgo.Lz4Compression(), kgo.ZstdCompression()} {
		var batch []string
		for each := range 200 {
			batch = append(batch, strings.Repeat(fmt.Sprintf("%d/%d ", number, each), 30))
		}
		t.produce(t.client(kgo.ProducerBatchCompression(codec)), batch...)
		wanted = append(wanted, batch...)
	}
	equal(wanted, values(t.read(t.reader(), len(wanted))))
}

func (t *test) Test_keys_headers_and_times_are_kept() {
	t.make(1, forever())
	stamp := time.UnixMilli(1_700_000_000_123)
	record := &kgo.Record{Topic: t.topic, Key: []byte("k"), Value: nil, Timestamp: stamp,
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte("2")}}}
	must(t.client().ProduceSync(t.context, record).FirstErr())
	got := t.read(t.reader(), 1)[0]
	equal("k", string(got.Key))
	equal(true, got.Value == nil)
	equal(stamp, got.Timestamp)
	equal(record.Headers, got.Headers)
}

func (t *test) Test_record_beyond_the_limit_is_refused() {
	limit := "2000"
	t.make(1, map[string]*string{"max.message.bytes": &limit})
	producer := t.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := producer.ProduceSync(t.context, &kgo.Record{Topic: t.topic, Value: make([]byte, 3000)}).FirstErr()
	equal(true, errors.Is(err, kerr.MessageTooLarge))
}

func (t *test) shares(members map[string]*kgo.Client, partitions int) bool {
	seen, least, most := 0, partitions, 0
	described, err := t.admin.DescribeGroups(t.context, "g."+t.topic)
	must(err)
	group := described["g."+t.topic]
	if group.State != "Stable" || len(group.Members) != len(members) {
		return false
	}
	for _, member := range group.Members {
		assigned, ok := member.Assigned.AsConsumer()
		if !ok {
			return false
		}
		count := 0
		for _, each := range assigned.Topics {
			count += len(each.Partitions)
		}
		seen, least, most = seen+count, min(least, count), max(most, count)
	}
	return seen == partitions && most-least <= 1
}

func (t *test) Test_cooperative_members_come_and_leave() {
	t.make(4, nil)
	members := map[string]*kgo.Client{}
	for _, name := range []string{"one", "two", "three"} {
		member := t.member(kgo.ClientID(name))
		members[name] = member
		go func() {
			for !member.PollFetches(t.context).IsClientClosed() && t.context.Err() == nil {
			}
		}()
		eventually("a balanced group", func() bool { return t.shares(members, 4) })
	}
	members["two"].Close()
	delete(members, "two")
	eventually("a balanced group of two", func() bool { return t.shares(members, 4) })
}

func (t *test) Test_next_member_goes_on_behind_the_commit() {
	t.make(1, nil)
	t.produce(t.client(), numbers(0, 10)...)
	first := t.member()
	must(first.CommitRecords(t.context, t.read(first, 4)...))
	first.Close()
	equal(numbers(4, 10), values(t.read(t.member(), 6)))
}

func (t *test) Test_static_member_comes_back() {
	t.make(1, nil)
	t.produce(t.client(), "a")
	first := t.member(kgo.InstanceID("i"))
	t.read(first, 1)
	first.Close()
	equal([]string{"a"}, values(t.read(t.member(kgo.InstanceID("i")), 1)))
}

func (t *test) Test_offsets_by_time_and_deleted_records() {
	t.make(1, forever())
	client := t.client()
	for _, stamp := range []int64{1000, 2000, 3000} {
		must(client.ProduceSync(t.context, &kgo.Record{Topic: t.topic, Timestamp: time.UnixMilli(stamp), Value: []byte("x")}).FirstErr())
	}
	found, err := t.admin.ListOffsetsAfterMilli(t.context, 1500, t.topic)
	must(err)
	at, _ := found.Lookup(t.topic, 0)
	equal(int64(1), at.Offset)
	offsets := kadm.Offsets{}
	offsets.AddOffset(t.topic, 0, 2, -1)
	deleted, err := t.admin.DeleteRecords(t.context, offsets)
	must(err)
	must(deleted.Error())
	start, err := t.admin.ListStartOffsets(t.context, t.topic)
	must(err)
	at, _ = start.Lookup(t.topic, 0)
	equal(int64(2), at.Offset)
}

func (t *test) Test_admin_topics_settings_and_groups() {
	t.make(2, nil)
	added, err := t.admin.UpdatePartitions(t.context, 3, t.topic)
	must(err)
	must(added.Error())
	topics, err := t.admin.ListTopics(t.context, t.topic)
	must(err)
	equal(3, len(topics[t.topic].Partitions))
	value := "7654321"
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}
	altered, err := t.admin.AlterTopicConfigs(t.context, change, t.topic)
	must(err)
	must(altered[0].Err)
	configs, err := t.admin.DescribeTopicConfigs(t.context, t.topic)
	must(err)
	for _, config := range configs[0].Configs {
		if config.Key == "retention.ms" {
			equal(value, *config.Value)
		}
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(t.topic, 1, 17, -1)
	must(t.admin.CommitAllOffsets(t.context, "g."+t.topic, offsets))
	fetched, err := t.admin.FetchOffsets(t.context, "g."+t.topic)
	must(err)
	at, _ := fetched.Lookup(t.topic, 1)
	equal(int64(17), at.At)
	gone, err := t.admin.DeleteGroup(t.context, "g."+t.topic)
	must(err)
	must(gone.Err)
}

func (t *test) Test_client_goes_on_over_kill_9() {
	if control == "" {
		panic(skipped("the runner did not start the server, so it cannot restart it"))
	}
	t.make(1, nil)
	producer, reader := t.client(), t.reader()
	t.produce(producer, numbers(0, 100)...)
	t.read(reader, 100)
	words := append(strings.Fields(control), "kill-restart")
	must(exec.Command(words[0], words[1:]...).Run())
	t.produce(producer, numbers(100, 200)...)
	equal(numbers(100, 200), values(t.read(reader, 100)))
}

// Running -------------------------------------------------------------------------------------

type skipped string

func run(name string, method reflect.Method) (good bool) {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	t := &test{topic: "t.fgo." + hex.EncodeToString(random), context: ctx}
	t.admin = kadm.NewClient(t.client())
	defer func() {
		why := recover()
		if text, ok := why.(skipped); ok {
			fmt.Printf("SKIPPED %s: %s\n", name, string(text))
			good = true
		} else if why != nil {
			fmt.Printf("FAILED %s: %v\n", name, why)
		} else {
			fmt.Printf("ok %s\n", name)
			good = true
		}
		_, _ = t.admin.DeleteTopics(ctx, t.topic)
		for _, client := range t.clients {
			client.Close()
		}
		cancel()
	}()
	method.Func.Call([]reflect.Value{reflect.ValueOf(t)})
	return
}

func main() {
	kind := reflect.TypeOf(&test{})
	var names []string
	for number := range kind.NumMethod() {
		if name := kind.Method(number).Name; strings.HasPrefix(name, "Test_") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	code := 0
	for _, name := range names {
		method, _ := kind.MethodByName(name)
		if !run(strings.ToLower(name[:1])+name[1:], method) {
			code = 1
		}
	}
	os.Exit(code)
}
